"""Countdown: every solution is right, and nothing that is no expression of the game is, whatever its value."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.data import countdown as game
from r1rl.rewards import countdown
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
GAME = Problem(id="game", question="…", gold="63", meta={"numbers": [3, 7, 12], "target": 63})


def answer(text: str) -> str:
    return f"<think>so it is</think><answer>{text}</answer>"


@pytest.mark.parametrize("text", ["(12-3)*7", "7*(12-3)", " ( 12 - 3 ) * 7 ", "((12)-(3))*7"])
def test_a_solution_may_be_written_in_any_way(text):
    assert countdown.correct(GAME, answer(text)) is CORRECT


@pytest.mark.parametrize("text", ["63", "7*9", "(12-3)*7*1", "12*7-3*7", "(12-3)+7", "12-3*7", "(3-12)*7"])
def test_each_number_stands_once_and_the_target_is_met(text):
    assert countdown.correct(GAME, answer(text)) is WRONG


def test_the_numbers_may_come_as_a_tuple():
    assert countdown.correct(Problem(id="a", question="", gold="6", meta={"numbers": (2, 3)}), answer("2*3")) is CORRECT


def test_division_is_exact():
    thirds = Problem(id="a", question="", gold="8", meta={"numbers": [8, 3, 3]})
    assert countdown.correct(thirds, answer("8/3*3")) is CORRECT
    assert countdown.correct(thirds, answer("8/(3/3)")) is CORRECT
    eighth = Problem(id="a", question="", gold="24", meta={"numbers": [8, 3, 8, 3]})
    assert countdown.correct(eighth, answer("8/(3-8/3)")) is CORRECT


@pytest.mark.parametrize(
    ("numbers", "gold", "text"),
    [
        ([2, 1, 5], "3", "2*1.5"),
        ([7, 2], "3", "7//2"),
        ([2, 3], "8", "2**3"),
        ([2, 3], "6", "2*3*1"),
        ([2, 3, 4], "6", "2*3"),
        ([2, 3], "4", "2*2"),
        ([2, 3], "1", "-2+3"),
        ([2, 3], "1", "+3-2"),
        ([2, 3], "3", "~-2*3"),
        ([2, 3], "6", "6"),
        ([2, 3], "6", "2*3=6"),
        ([2, 3], "6", "2*3#"),
        ([2, 3], "6", "2×3"),
        ([2, 3], "6", "２*３"),
        ([2, 3], "6", "2 \\times 3"),
        ([2, 3], "6", "$2*3$"),
        ([2, 3], "6", "2*3 = 6"),
        ([2, 3], "6", "6 = 2*3"),
        ([2, 3], "6", "2*3; 6"),
        ([2, 3], "6", "2·3"),
        ([5, 2], "3", "5−2"),
        ([6, 2], "3", "6÷2"),
        ([2, 3], "6", "(2)(3)"),
        ([2, 3], "6", "2*03"),
        ([2, 3], "5", "2--3"),
        ([2, 3], "5", "2++3"),
        ([2, 3], "6", "-2*-3"),
        ([2, 3], "0", "2*3*0"),
        ([2, 2, 3], "6", "2*3"),
        ([2, 3], "12", "2*2*3"),
        ([23], "23", "2 3"),
        ([2, 3], "23", "23"),
        ([9, 9, 9, 9], "9", "9**9**9**9"),
        ([2, 3], "6", "2*3" + " " * 200 + "+0"),
        ([2, 3], "6", "+".join(["2*3"] * 50_000)),
        ([2, 3], "6", "2*\n3"),
        ([12, 3], "36", "1_2*3"),
        ([12, 3], "36", "0xc*3"),
        ([12, 3], "4", "0x0c/3"),
        ([1, 2], "2", "True*2"),
        ([1, 2], "2", "(lambda: 2)()*1"),
        ([1, 2], "2", "[1,2][1]"),
        ([1, 2], "2", "1 if 2 else 2"),
        ([1, 2], "2", "1,2"),
        ([1, 2], "2", "1(2)"),
        ([3, 3, 7], "5", "7/(3-3)"),
        ([9, 9, 9], "9", "9**9**9"),
        ([1], "1", "(" * 5000 + "1" + ")" * 5000),
        ([1], "1", "(" * 95 + "1"),
        ([1], "1", "1\0"),
        ([1], "1", "__import__('os')._exit(1)"),
        ([1], "1", "(" * 60 + "1" + ")" * 60),
        ([1] * 60, "60", "+".join("1" * 60)),
        ([1], "1", "9" * 5000),
    ],
)
def test_what_is_not_an_expression_of_the_game_is_wrong(numbers, gold, text):
    problem = Problem(id="a", question="", gold=gold, meta={"numbers": numbers})
    assert countdown.correct(problem, answer(text)) is WRONG


@pytest.mark.parametrize(
    "broken",
    [
        {"gold": "", "meta": {"numbers": [3, 7]}},
        {"gold": "2.5", "meta": {"numbers": [3, 7]}},
        {"gold": "21", "meta": {}},
        {"gold": "21", "meta": {"numbers": []}},
        {"gold": "21", "meta": {"numbers": ["3", "7"]}},
        {"gold": "21", "meta": {"numbers": "3, 7"}},
        {"gold": "21", "meta": {"numbers": [True, 21]}},
        {"gold": "-4", "meta": {"numbers": [3, 7]}},
        {"gold": "21", "meta": {"numbers": [-3, -7]}},
        {"gold": "21", "meta": {"numbers": [3.0, 7]}},
    ],
)
def test_a_game_without_numbers_or_target_cannot_be_graded(broken):
    assert countdown.correct(Problem(id="a", question="", **broken), answer("3*7")) is UNGRADABLE


expressions = st.recursive(
    st.integers(1, 20).map(str),
    lambda inner: st.builds("({}{}{})".format, inner, st.sampled_from("+-*/"), inner),
    max_leaves=5,
)


@given(expressions)
def test_the_value_of_an_expression_is_pythons(expression):
    numbers = [int(digits) for digits in re.findall(r"\d+", expression)]
    exactly = re.sub(r"(\d+)", r"Fraction(\1)", expression)
    try:
        value = eval(exactly, {"Fraction": Fraction})
    except ZeroDivisionError:
        value = None
    assert countdown._value(expression, numbers) == value
    assert countdown._value(expression, [*numbers, 1]) is None


@given(st.text(alphabet="0123456789+-*/() .,_=\n\0**//²４x[]", max_size=40))
def test_no_expression_breaks_the_judge(text):
    assert countdown.correct(GAME, answer(text)) in (CORRECT, WRONG, NO_ANSWER)


def test_a_solution_of_another_game_is_wrong():
    source = game.source(seed=0)
    for ordinal in range(200):
        (problem, _), (_, text) = source.worked(ordinal), source.worked(ordinal + 1)
        assert countdown.correct(problem, text) is WRONG
