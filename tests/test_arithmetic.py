"""Arithmetic in words: read back word by word, it is the task that the gold answer and the working belong to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.data import arithmetic
from r1rl.data.arithmetic import SMALL, TENS, Task, columns, spoken
from r1rl.rewards import format as format_reward
from r1rl.rewards import number
from r1rl.types import Problem, Verdict

seeds, ordinals = st.integers(0, 5), st.integers(0, 1500)
VALUES = {word: n for n, word in enumerate(SMALL)} | {word: 10 * n for n, word in enumerate(TENS, 2)}


def heard(words: str) -> int:
    """The slow way back from words to a number."""
    thousands, _, below = words.rpartition(" thousand")
    total = 0
    for word in re.split(r"[ -]", below.strip()) if below else []:
        total = total * 100 if word == "hundred" else total + VALUES[word]
    return total + (1000 * heard(thousands) if thousands else 0)


@given(st.integers(0, 999_999))
def test_a_spoken_number_can_be_heard(n):
    assert heard(spoken(n)) == n


@given(seeds, ordinals, st.integers(1, 6), st.sampled_from(["+", "-", "+-"]), st.sampled_from(["train", "heldout"]))
def test_the_question_is_about_the_gold(seed, ordinal, digits, operations, split):
    ordinal %= 5 if digits == 1 else 300
    problem = arithmetic.source(seed=seed, digits=digits, operations=operations).problem(split, ordinal)
    a, sign, b = re.match(r"What is (.+) (plus|minus) (.+)\? ", problem.question).groups()
    assert len(spoken(heard(a))) == len(a)
    assert {"plus": "+", "minus": "-"}[sign] in operations
    assert int(problem.gold) == heard(a) + (heard(b) if sign == "plus" else -heard(b)) >= 0
    assert all(len(str(heard(x))) == digits for x in (a, b))


@given(seeds, ordinals, st.integers(2, 6), st.floats(0, 1))
def test_worked_answers_are_right(seed, ordinal, digits, guess_share):
    source = arithmetic.source(seed=seed, digits=digits, words=False, guess_share=guess_share)
    problem, text = source.worked(ordinal)
    assert problem == source.problem("train", ordinal)
    assert number.correct(problem, text) is Verdict.CORRECT
    assert format_reward.r1_zero(problem, text) == 1.0


@given(seeds, ordinals)
def test_a_guess_has_nothing_to_follow_and_a_working_has(seed, ordinal):
    guess, working = (arithmetic.source(seed=seed, guess_share=share).worked(ordinal)[1] for share in (1, 0))
    assert not re.search(r"\d", guess.partition("<answer>")[0])
    assert "=" in working


@given(st.integers(100, 999), st.integers(100, 999), st.sampled_from("+-"))
def test_columns_follow_from_what_stands_before_the_sign_of_equality(x, y, sign):
    task = Task(a=max(x, y), sign=sign, b=min(x, y))
    carry, digits = 0, []
    for step in columns(task).split():
        terms, result = step.split("=")
        a, b, before = (int(n) for n in terms.split(sign))
        assert before == carry
        if sign == "+":
            carry, digit = divmod(a + b + carry, 10)
            assert result == f"{carry}{digit}"
        else:
            digit = (a - b - carry) % 10
            carry = int(a - b - carry < 0)
            assert result == f"{digit}/{carry}"
        digits.append(digit)
    assert int("".join(map(str, reversed(digits)))) + (1000 * carry if sign == "+" else 0) == task.value


def test_heldout_tasks_are_never_trained_on_and_do_not_repeat():
    for options in ({}, {"operations": "-"}, {"digits": 3}):
        source = arithmetic.source(seed=1, **options)
        questions = [source.problem("heldout", n).question for n in range(700)]
        assert len(set(questions)) == 700
        assert questions[:9] == [arithmetic.source(seed=2, **options).problem("heldout", n).question for n in range(9)]
        assert not {source.problem("train", n).question for n in range(2000)} & set(questions)


def test_a_sum_and_its_mirror_are_on_the_same_side():
    assert all(
        Task(a=a, sign="+", b=b).heldout == Task(a=b, sign="+", b=a).heldout for a in range(60) for b in range(60)
    )


def test_words_or_digits_and_the_form_are_options():
    asked = [arithmetic.source(seed=0, words=w, form=f).problem("train", 0).question for w in (0, 1) for f in (0, 1)]
    assert [bool(re.search(r"\d+ [+-] \d+\?", q)) for q in asked] == [True, True, False, False]
    assert ["<answer>" in q for q in asked] == [False, True, False, True]


def test_shots_are_right_and_not_held_out():
    question = arithmetic.source(seed=3, words=False, form=False, shots=5).problem("heldout", 1).question
    *shots, asked = question.split(" User: ")
    assert asked == arithmetic.source(seed=0, words=False, form=False).problem("heldout", 1).question
    found = [re.fullmatch(r"What is (\d+) ([+-]) (\d+)\? Assistant: (<think>.*)", shot).groups() for shot in shots]
    assert len(found) == 5
    for a, sign, b, text in found:
        task = Task(a=int(a), sign=sign, b=int(b))
        assert not task.heldout
        assert number.correct(Problem(id="a", question="", gold=str(task.value)), text) is Verdict.CORRECT


@pytest.mark.parametrize(
    "options",
    [
        *[{"digits": digits} for digits in (0, 7, 2.0, "2", None)],
        *[{"operations": operations} for operations in ("", "*", "+*")],
        *[{"shots": shots} for shots in (-1, 33, 1.0)],
        *[{"guess_share": share} for share in (-0.1, 1.1, float("nan"), "0.5")],
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match=f"arithmetic: {next(iter(options))}"):
        arithmetic.source(seed=0, **options)


def test_running_out_of_heldout_problems_is_an_error():
    with pytest.raises(ValueError, match="no held-out problem 400"):
        arithmetic.source(seed=0, digits=1).problem("heldout", 400)
