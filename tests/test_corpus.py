"""The machinery of data sets: loading, checking, splitting and exporting, on small sets of our own."""

import base64
import doctest
import hashlib
import json
import pickle
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl import catalogue as named
from r1rl.corpus import code, definition, fields, hub, hygiene, load, mbpp
from r1rl.corpus.definition import Corpus, Hub, Offline
from r1rl.corpus.export import export
from r1rl.corpus.hygiene import bad, eaten
from r1rl.corpus.load import problems
from r1rl.corpus.source import training_source
from r1rl.corpus.verify import Mark, digest, verify
from r1rl.errors import UserError
from r1rl.types import Problem

ROWS = [{"id": f"tiny/{n}", "problem": f"What is {n} + {n}?", "answer": str(2 * n)} for n in range(100)]
TINY = Corpus(name="tiny", title="Tiny", licence="MIT", kind="math", reward="math:correct")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("R1RL_DATA", str(tmp_path))
    return tmp_path


def write(folder, rows, says=None) -> bytes:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    (folder / "tiny.jsonl").write_bytes(content)
    entry = {"file": "tiny.jsonl", "rows": len(rows), "sha256": hashlib.sha256(content).hexdigest()}
    (folder / "MANIFEST.json").write_text(json.dumps([entry | (says or {})]))
    return content


def offered(monkeypatch, rows):
    monkeypatch.setattr(hub, "rows", lambda name, where: iter(rows))


@pytest.mark.parametrize("module", [definition, hygiene, load, fields, code, mbpp])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_a_set_comes_from_the_folder(folder):
    content = write(folder, ROWS)
    loaded = load.load(TINY)
    assert [problem.gold for problem in loaded.problems[:3]] == ["0", "2", "4"]
    assert loaded.bad == ()
    assert loaded.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("entry", "offline", "says"),
    [
        ({"sha256": "0" * 64}, None, "MANIFEST.json says 000"),
        ({"rows": 99}, None, "100 rows, not 99"),
        ({}, Offline(file="tiny.jsonl", sha256="1" * 64), "its definition says 111"),
        ({}, Offline(file="tiny.jsonl", rows=101), "100 rows, not 101"),
    ],
)
def test_other_bytes_or_rows_are_refused(folder, entry, offline, says):
    write(folder, ROWS, entry)
    with pytest.raises(UserError, match=says):
        load.load(replace(TINY, offline=offline))


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a", "problem": "b"}', "3"])
def test_a_line_that_is_no_row_is_named(folder, line):
    (folder / "tiny.jsonl").write_text(f"{json.dumps(ROWS[0])}\n{line}\n")
    (folder / "MANIFEST.json").write_text('[{"file": "tiny.jsonl"}]')
    with pytest.raises(UserError, match=r"tiny\.jsonl:2"):
        load.load(TINY)


def test_a_line_may_hold_separators_of_other_kinds(folder):
    text = "one\u2028two\x85three"
    write(folder, [{"id": "a", "problem": "What?", "answer": "1", "note": text}])
    assert load.load(TINY).problems[0].meta["note"] == text


def test_a_missing_set_names_both_ways(folder, monkeypatch):
    (folder / "MANIFEST.json").write_text("[]")
    where = Hub(repo="someone/tiny", revision="abcdef0123", rows=3, gated=True)

    def unreachable(found):
        raise ConnectionError("no network\nat all")
        yield

    monkeypatch.setattr(hub, "_tables", unreachable)
    with pytest.raises(UserError, match="ConnectionError: no network") as refused:
        load.load(replace(TINY, hub=where))
    assert "someone/tiny" in refused.value.instead
    assert "gated" in refused.value.instead
    assert "R1RL_DATA" in refused.value.instead
    with pytest.raises(UserError, match="R1RL_DATA"):
        load.load(TINY)


@pytest.mark.parametrize("manifest", [None, "{", "3", "[3]", '[{"rows": 3}]'])
def test_a_folder_without_a_manifest_is_an_error(folder, manifest):
    if manifest is not None:
        (folder / "MANIFEST.json").write_text(manifest)
    with pytest.raises(UserError, match="no usable MANIFEST"):
        load.load(TINY)


def test_rows_of_the_hub_are_counted_and_brought_into_the_layout(monkeypatch):
    monkeypatch.delenv("R1RL_DATA", raising=False)
    offered(monkeypatch, [{"q": "1 + 1?", "a": "2"}])
    where = Hub(repo="someone/tiny", revision="abcdef0123", rows=1)
    hubbed = replace(
        TINY, hub=where, row=lambda index, row: {"id": f"t/{index}", "problem": row["q"], "answer": row["a"]}
    )
    loaded = load.load(hubbed)
    assert loaded.problems == (Problem(id="t/0", question="1 + 1?", gold="2"),)
    assert loaded.origin == "hub: someone/tiny (train; abcdef01)"
    with pytest.raises(UserError, match="1 rows, not 2"):
        load.load(replace(hubbed, hub=replace(where, rows=2)))


def test_rows_that_stand_many_times_count_once_and_others_are_selected(monkeypatch):
    monkeypatch.delenv("R1RL_DATA", raising=False)
    offered(monkeypatch, ROWS[:4] * 3)
    many = replace(TINY, hub=Hub(repo="a/b", revision=None, rows=12), unique=True, count=2)
    many = replace(many, keep=lambda row: row["id"] in ("tiny/1", "tiny/3"))
    assert [problem.id for problem in load.load(many).problems] == ["tiny/1", "tiny/3"]
    with pytest.raises(UserError, match="after selecting has 2 rows, not 3"):
        load.load(replace(many, count=3))


BAD = [
    ({"answer": ""}, "gold answer: empty"),
    ({"answer": None}, "not a text but NoneType"),
    ({"answer": ["1", "2"]}, "not a text but list"),
    ({"answer": "['1', '2']"}, "a list in the notation of Python"),
    ({"answer": "\frac{1}{2}"}, "control character"),
    ({"answer": "None"}, "stands for no answer"),
    ({"problem": " "}, "there is no question"),
    ({"problem": "Let \triangle ABC"}, "a backslash is missing"),
    ({"problem": "Let \rho = 1"}, "a backslash is missing"),
]


@pytest.mark.parametrize(("change", "why"), BAD)
def test_bad_rows_are_listed_and_refused_until_they_are_known(folder, change, why):
    rows = [*ROWS, {"id": "tiny/x", "problem": "What?", "answer": "1"} | change]
    write(folder, rows)
    loaded = load.load(TINY)
    assert len(loaded.problems) == 100
    (row,) = loaded.bad
    assert why in row.why
    with pytest.raises(UserError, match=row.id):
        problems(TINY)
    with pytest.raises(UserError, match=row.id):
        training_source(TINY, seed=0, heldout=0.1, bad_rows="refuse")
    assert training_source(TINY, seed=0, heldout=0.1, bad_rows="drop").left_out == (row,)
    known = replace(TINY, known_bad={row.id: row.why})
    assert training_source(known, seed=0, heldout=0.1, bad_rows="refuse").left_out == loaded.bad
    assert any(finding.mark is Mark.WRONG for finding in verify(TINY))
    assert not any(finding.mark is Mark.WRONG for finding in verify(known))


def test_a_row_that_cannot_be_made_a_problem_is_a_bad_row(folder):
    write(folder, ROWS)
    (row, *_) = load.load(replace(TINY, problem=lambda row: row["tests"])).bad
    assert str(row) == "tiny/0: cannot be made a problem: KeyError: 'tests'"


def test_an_id_stands_once(folder):
    write(folder, [*ROWS, ROWS[1]])
    assert [str(row) for row in load.load(TINY).bad] == ["tiny/1: its id stands twice"]


@pytest.mark.parametrize("text", ["a\tb", "line\r\nline", "x = 1\n\ty = 2", "[asy]\n\ttriangle t;\n[/asy]", "é 数"])
def test_honest_white_space_is_no_lost_backslash(text):
    assert eaten(text) is None


@pytest.mark.parametrize(
    "command", ["\\frac{1}{2}", "\\text{cm}", "\\theta", "\\times", "\\rho", "\\beta", "\\bar x", "\\approx"]
)
def test_commands_that_lost_their_backslash_are_found(command):
    escapes = {"f": "\f", "t": "\t", "r": "\r", "b": "\b", "a": "\a"}
    assert eaten(f"Let {command} be") is None
    assert eaten(f"Let {escapes[command[1]]}{command[2:]} be")


def test_choices_and_tests_are_checked():
    def choice(gold, choices):
        return bad(Problem(id="a", question="?", gold=gold, meta={"choices": choices}), "choice")

    assert choice("B", ["x", "y"]) is None
    assert "none of AB" in choice("C", ["x", "y"])
    assert "none of AB" in choice("", ["x", "y"])
    assert "the same" in choice("A", ["x", "x"])
    assert "no choices" in choice("A", None)
    for tests in (
        None,
        "not Python",
        {"kind": "stdio", "cases": []},
        {"kind": "assert", "code": " ", "entry_point": "f"},
    ):
        assert bad(Problem(id="a", question="?", gold="", meta={"tests": tests}), "code")


def test_the_splits_are_disjoint_whole_and_the_same_for_every_seed(folder):
    write(folder, [*ROWS, {"id": "again", "problem": "what is  $3 + 3$?", "answer": "6"}])
    one, other = (training_source(TINY, seed=seed, heldout=0.2, bad_rows="refuse") for seed in (0, 1))
    train, heldout = one.splits["train"], one.splits["heldout"]
    assert len(train) + len(heldout) == 101
    assert 8 < len(heldout) < 35
    assert heldout == other.splits["heldout"]
    sides = [split for split, kept in one.splits.items() for p in kept if p.id in ("again", "tiny/3")]
    assert len(set(sides)) == 1  # the same question in other writing
    epoch = [one.problem("train", n) for n in range(len(train))]
    assert sorted(p.id for p in epoch) == sorted(p.id for p in train)
    assert epoch != [one.problem("train", n + len(train)) for n in range(len(train))]
    assert epoch != [other.problem("train", n) for n in range(len(train))]
    with pytest.raises(ValueError, match="no held-out problem"):
        one.problem("heldout", len(heldout))
    with pytest.raises(ValueError, match="no worked examples"):
        one.worked(0)
    with pytest.raises(ValueError, match="not 'test'"):
        one.problem("test", 0)


@pytest.mark.parametrize(
    "options", [{"heldout": 0}, {"heldout": 1}, {"heldout": "x"}, {"heldout": True}, {"bad_rows": "keep"}]
)
def test_options_that_make_no_sense_are_refused(folder, options):
    write(folder, ROWS)
    with pytest.raises(ValueError, match="must be"):
        training_source(TINY, **({"seed": 0, "heldout": 0.1, "bad_rows": "refuse"} | options))


def test_a_set_survives_export_even_where_the_definition_pins_another_file(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("R1RL_DATA")
    pinned = replace(
        TINY,
        hub=Hub(repo="a/tiny", revision="0123456789", rows=100),
        offline=Offline(file="tiny.jsonl", sha256="1" * 64),
    )
    offered(monkeypatch, ROWS)
    fetched, out = load.load(pinned), tmp_path / "out"
    path = export(pinned, out)
    monkeypatch.setenv("R1RL_DATA", str(out))
    again = load.load(pinned)
    assert again.problems == fetched.problems
    assert again.origin == str(path)
    assert digest(again.problems) == digest(fetched.problems)
    with pytest.raises(UserError, match="is there already"):
        export(pinned, out)


def test_verify_tells_of_golds_and_repeated_questions(folder):
    write(
        folder,
        [*ROWS[:3], {"id": "b", "problem": "what is 1+1", "answer": "3"}, ROWS[2] | {"id": "c", "answer": "8/2"}],
    )
    findings = {finding.what: finding for finding in verify(TINY)}
    assert findings["repeated"].detail == "2 questions stand more than once"
    assert "tiny/1: 2, b: 3" in findings["same question, other answer"].detail
    (folder / "MANIFEST.json").unlink()
    (finding,) = verify(TINY)
    assert finding.mark is Mark.WRONG


def test_an_unknown_name_is_an_error_with_the_nearest_one():
    with pytest.raises(UserError, match="no data set math50") as refused:
        named.corpus("math50")
    assert "math500" in refused.value.instead


@given(st.lists(st.fixed_dictionaries({"input": st.text(), "output": st.text(), "testtype": st.just("stdin")})))
def test_hidden_cases_are_unpacked(cases):
    packed = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()
    assert code.hidden_cases(packed) == cases
    assert code.hidden_cases(json.dumps(cases)) == cases


class Harmful:
    def __reduce__(self):
        return print, ("this must not run",)


@pytest.mark.parametrize("data", [pickle.dumps(Harmful()), b"", pickle.dumps(None)])
def test_hidden_cases_run_nothing(data, capsys):
    packed = base64.b64encode(zlib.compress(data)).decode()
    with pytest.raises((ValueError, TypeError)):
        code.hidden_cases(packed)
    assert "must not run" not in capsys.readouterr().out
