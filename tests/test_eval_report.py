"""Reports: the page needs nothing but itself, and what a model wrote cannot act in it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bench.publish import publish
from r1rl.evaluation.page import MOST, shortened, visible
from r1rl.evaluation.report import chosen, headline, write_report
from r1rl.evaluation.summary import summarise
from tests.evaluated import DEFINED, GREEDY, attempt, attempts, suite, write

HOSTILE = (
    "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)><a href='https://evil.example'>x</a>"
    "<!-- <style>@import url(//evil.example)</style> &lt;b&gt; \"'` ```\n````\n# heading\n![](https://evil.example/p.png)"
    "\x00\x1b[31m\u202e\u2066\ud800 $\\frac{1}{2}$ $x | y\r\nend"
)


class Reader(HTMLParser):
    """All tags, attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.comments, self.words = 0, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_comment(self, data):
        self.comments += 1

    def handle_data(self, data):
        self.words += data


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A report in which every text that a model or a data set wrote is hostile."""
    folder = tmp_path_factory.mktemp("report")
    texts = dict.fromkeys(("question", "answer", "response", "detail", "subject"), HOSTILE)
    samples = [attempt(HOSTILE, i, letter, said=HOSTILE, level=3, **texts) for i, letter in enumerate("+-0?")]
    defined = replace(DEFINED, model=HOSTILE, hardware=HOSTILE)
    results = summarise(HOSTILE, samples, [HOSTILE], 4, same=str.__eq__, defined_by=defined, seconds=1.0)
    write_report(folder, results, samples)
    return folder


def test_the_page_holds_only_our_tags(hostile):
    page = Reader((hostile / "report.html").read_text())
    ours = "html head meta title style body h1 h2 p img table tr th td details summary pre"
    assert page.tags == set(ours.split())
    assert page.comments == 0
    assert set(page.attributes) == {"lang", "charset", "http-equiv", "content", "class", "alt", "src"}


def test_the_page_needs_nothing_else(hostile):
    text = (hostile / "report.html").read_text()
    page = Reader(text)
    assert all(source.startswith("data:image/png;base64,") for source in page.attributes["src"])
    assert page.attributes["content"] == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]
    assert not re.search(r"url|@import|@font|//|</", style)


def test_hostile_text_is_shown_as_it_is(hostile):
    words = Reader((hostile / "report.html").read_text()).words
    assert "</pre></details><script>alert(1)</script><img src=x onerror=alert(1)>" in words
    assert "<U+0000><U+001B>[31m<U+202E><U+2066><U+D800> $\\frac{1}{2}$" in words
    assert not {c for c in words if not c.isprintable()} - {"\n"}


def test_markdown_fences_hold(hostile):
    text = (hostile / "report.md").read_text()
    fence, outside = None, []
    for line in text.splitlines():
        mark = re.match("`{3,}", line)
        if fence is None and mark:
            fence = mark[0]
        elif fence is not None and mark and len(mark[0]) >= len(fence) and not line.strip("`"):
            fence = None
        elif fence is None:
            outside.append(line)
    assert fence is None
    rest = "\n".join(outside)
    assert rest.count("\n# ") == 0  # the title is the first line and the only one of its rank
    assert not re.search(r"(?<!\\)<", rest)
    assert re.findall(r"(?<!\\)!\[(?<!\\)\]\(.*?\)", rest) == ["![](report.png)"]


def test_the_picture_is_one(hostile):
    assert (hostile / "report.png").read_bytes().startswith(b"\x89PNG")
    assert not list(hostile.glob("*.partial"))


def test_what_a_report_says(tmp_path):
    results, samples = suite(["++--", "+---", "----", "0?++"])
    write_report(tmp_path, results, samples)
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        for said in ("avg@4 = 35.4 points on 4 problems", "maj@4", "data", "p1", "math 1", "tokens per second", "m1"):
            assert said in text, (name, said)
    write_report(tmp_path, results, samples)  # again


def test_headlines():
    assert "if these very problems are sampled again" in headline(suite(["+-", "--"])[0])
    assert "at most (one sample cannot measure its noise)" in headline(suite(["+", "-"])[0])
    assert "greedy, so these problems give the same answers again" in headline(suite(["+", "-"], GREEDY)[0])
    assert headline(suite(["??", "??"])[0]) == "No sample of aime2024 could be graded."


def test_transcripts_of_every_verdict_from_different_problems():
    found = chosen(attempts({f"p{i:02}": "++-0?" for i in range(20)}))
    assert [(a.id, a.verdict.value) for a in found[:5]] == [
        ("p00", "correct"),
        ("p05", "correct"),
        ("p10", "correct"),
        ("p15", "correct"),
        ("p00", "wrong"),
    ]
    assert len(found) == 16
    assert all(a.sample == 0 for a in found[:4])


def test_long_answers_keep_their_end():
    text = shortened("a" * 50_000 + "the end")
    assert text.endswith("the end")
    assert len(text) < MOST + 60
    assert "[… 44,007 characters left out …]" in text
    assert shortened("short") == "short"


def test_reports_where_nothing_could_be_graded(tmp_path):
    results, samples = suite(["??", "??"])
    write_report(tmp_path, results, samples)
    assert "No sample" in (tmp_path / "report.md").read_text()


def test_lines_of_any_kind():
    assert visible("a\r\nb\rc\u2028d\x1fe\tf\u00a0g") == "a\nb\nc\nd\ne\tf\u00a0g"


def test_what_is_published_holds_no_word_of_the_benchmark(tmp_path):
    write(tmp_path / "eval" / "aime2024", ["+-0?", "++--"])
    (tmp_path / "eval" / "environment.json").write_text("{}")
    publish(tmp_path / "eval", tmp_path / "out")
    made = {str(path.relative_to(tmp_path / "out")): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"environment.json", "aime2024/results.json", "aime2024/report.html", "aime2024/report.png"} < set(made)
    for name, path in made.items():
        words = path.read_bytes()
        assert b"1 + 0?" not in words, name  # the question
        assert b"I say" not in words, name  # the response
    assert "avg@4" in (tmp_path / "out" / "aime2024" / "report.md").read_text()
