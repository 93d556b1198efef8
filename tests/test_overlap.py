"""Benchmark questions in training data: found however they are written, and not where only boilerplate is shared."""

import doctest
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl import decontaminate as gate
from r1rl.corpus import normalise, overlap
from r1rl.corpus.normalise import key, words
from r1rl.corpus.overlap import SHORTEST, Index, N, benchmark_grams, contaminated, refuse, segments
from r1rl.data import addition, jsonl
from r1rl.decontaminate import decontaminated
from r1rl.errors import UserError
from r1rl.types import Problem

LONG = (
    "Seven friends of Ada walk along the river and each of them picks up three white stones and two grey ones, which "
    "they pile into a tower of $\\frac{m}{n}$ metres, where $m$ and $n$ are relatively prime positive integers. "
    "Find $m+n$."
)
texts = st.lists(
    st.sampled_from(["the", "of", "a", "in", "red", "blue", "3", "17", "x", "tower", "$", "+", ","]), max_size=60
).map(" ".join)


def problem(question: str, name: str = "p") -> Problem:
    return Problem(id=name, question=question, gold="1")


def kinds(train: str, benchmark: str) -> list[str]:
    return [hit.kind for hit in contaminated([problem(train, "t")], [problem(benchmark, "b")])]


@pytest.mark.parametrize("module", [normalise, overlap])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find $x$.", "find \\(x\\)"),
        ("Compute $\\dfrac12+3$.", "Compute  \\[ \\tfrac12 + 3 \\]"),
        ("Let $f(x)=2x$.", "Let $f\\left(x\\right) = 2x$."),
        ("A $5$ m rope", "A 5 m rope"),
        ("so that x ≥ 2", "so  that\nx ≥ 2"),
        ("Ｘ is １２", "x is 12"),
    ],
)
def test_ways_to_write_a_question(one, other):
    assert key(one) == key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find $x+2$.", "Find $x-2$."),
        ("Find 12.", "Find 1 3."),
        ("Find $\\sin x$.", "Find $\\cos x$."),
        ("Find x. [asy]draw((0,0)--(1,1));[/asy]", "Find x. [asy]draw((0,0)--(2,1));[/asy]"),
    ],
)
def test_two_questions_are_not_one(one, other):
    assert key(one) != key(other)


def test_the_same_question_is_exact_and_said_once():
    assert kinds(LONG.upper().replace("FRAC", "frac"), LONG) == ["exact"]


def test_a_question_inside_another_text_is_found():
    assert kinds(f"Here is a puzzle for you. {LONG} Show your work.", LONG) == ["13-gram"]


def test_other_numbers_in_the_same_words_are_found_with_a_smaller_share():
    train = LONG.replace("Seven", "Nine").replace("three", "five")
    (hit,) = contaminated([problem(train)], [problem(LONG)])
    assert hit.kind == "13-gram"
    assert 0 < hit.share < 1


def test_boilerplate_is_not_shared_text():
    tail = "is $\\frac{m}{n}$, where $m$ and $n$ are relatively prime positive integers. Find $m+n$."
    one = f"A fair coin falls nine times and lands on its head each time; how likely that {tail}"
    other = f"Two trains leave the town at dawn and meet at noon; the part of the way done {tail}"
    assert kinds(one, other) == []
    tail = "Enter your answer in the form $ax+by+cz+d=0$, where $a,b,c,d$ are integers such that $a>0$ and "
    tail += "$\\gcd(a,b,c,d)=1$."
    assert kinds(f"A plane holds the origin. {tail}", f"A mirror stands at the wall. {tail}") == []
    assert (
        kinds(
            "x [asy]draw((0,0)--(1,1)--(2,2)--(3,3)--(4,4)--(5,5));[/asy]",
            "[asy]draw((0,0)--(1,1)--(2,2)--(3,3)--(4,4)--(5,5));[/asy] y",
        )
        == []
    )


def test_a_short_question_is_found_as_a_whole_and_a_very_short_one_only_by_itself():
    short = "How many red stones lie on the river bank"
    assert len(words(short)) == SHORTEST + 1
    assert kinds(f"Tell me: {short}, Ada?", short) == ["whole"]
    assert kinds("Tell me: what is $2+3$, Ada?", "What is $2+3$?") == []
    assert kinds("what is $2 + 3$", "What is $2+3$?") == ["exact"]


def test_no_run_reaches_across_boilerplate():
    assert all("relatively" not in segment for segment in segments(LONG))


@given(st.lists(texts, max_size=6), st.lists(texts, max_size=6))
@settings(max_examples=60)
def test_the_index_agrees_with_the_obvious_way(train, benchmark):
    def shared(one: str, other: str) -> str | None:
        if key(one) == key(other):
            return "exact"
        mine = [
            tuple(s[i : i + n]) for s in segments(one) for n in range(SHORTEST, N + 1) for i in range(len(s) - n + 1)
        ]
        return "words" if benchmark_grams(other) & set(mine) else None

    ones, others = ([problem(text, f"{n}") for n, text in enumerate(list_)] for list_ in (train, benchmark))
    slow = {(a.id, b.id, kind) for a in ones for b in others if (kind := shared(a.question, b.question))}
    fast = {(hit.id, hit.benchmark, "exact" if hit.kind == "exact" else "words") for hit in contaminated(ones, others)}
    assert fast == slow


@given(texts, texts, texts)
@settings(max_examples=100)
def test_what_stands_around_a_question_does_not_hide_it(before, question, after):
    if benchmark_grams(question):
        assert contaminated([problem(f"{before} ; {question} ; {after}")], [problem(question)])


@given(texts)
def test_every_question_overlaps_with_itself(text):
    assert [hit.kind for hit in Index([problem(text, "b")]).hits(problem(text))] == ["exact"]


def test_contaminated_data_are_refused_with_names():
    refuse([], "…")
    with pytest.raises(UserError, match="1 training problems") as refused:
        refuse(contaminated([problem(LONG, "mine/7")], [problem(LONG, "aime/3")]), "write drop")
    assert "mine/7 - aime/3 (exact)" in str(refused.value)
    assert "write drop" in str(refused.value)


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of problems, one of which is the benchmark's."""
    rows = [{"id": f"mine/{n}", "problem": f"What is {n} + {n}?", "answer": "1"} for n in range(100)]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in [*rows, {"id": "x", "problem": LONG, "answer": "1"}]))
    monkeypatch.setattr(gate, "benchmark", lambda names: [problem(LONG, f"{name}/3") for name in names])
    return jsonl.source(seed=0, path=str(file), heldout=0.1)


def test_a_run_refuses_contaminated_data_unless_told_to_drop_them(mine):
    with pytest.raises(UserError, match="1 training problems") as refused:
        decontaminated(mine, ["aime"], "refuse")
    assert "data.contaminated: drop" in refused.value.instead
    kept, found = decontaminated(mine, ["aime"], "drop")
    assert [hit.id for hit in found] == ["x"]
    assert len(kept.splits["train"]) == len(mine.splits["train"]) - 1
    assert kept.splits["heldout"] == mine.splits["heldout"]
    assert "x" not in {kept.problem("train", n).id for n in range(200)}


def test_nothing_is_loaded_where_there_is_nothing_to_hold_against(mine, monkeypatch):
    monkeypatch.delattr(gate, "benchmark")
    assert decontaminated(mine, [], "refuse") == (mine, [])
    made = addition.source(seed=0)
    assert decontaminated(made, ["math500"], "refuse") == (made, [])
    with pytest.raises(ValueError, match="refuse or drop"):
        decontaminated(mine, ["math500"], "ignore")
