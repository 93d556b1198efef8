"""Numbers: the same number is right however it is written, and no other is."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.rewards import number
from r1rl.types import Problem, Verdict

CORRECT, WRONG, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.UNGRADABLE


def answer(text: str) -> str:
    return f"<think>so it is</think><answer>{text}</answer>"


@pytest.mark.parametrize(
    ("gold", "same"),
    [
        ("42", ["42", "+42", "42.", "42.0", "042", "84/2", " 42 ", "４２", "42.000"]),
        ("-1000.5", ["-1,000.5", "−1000.50", "－１，０００．５", "-2001/2", "-1000.5."]),
        ("1/3", ["1/3", "2/6", "01/03"]),
        ("0.5", [".5", "1/2", "0.50", "5/10"]),
        ("0", ["0", "-0", "0.0", "0/7"]),
        ("1234567", ["1,234,567", "1234567"]),
        ("1,000", ["1000"]),
    ],
)
def test_the_same_number_written_differently(gold, same):
    problem = Problem(id="a", question="", gold=gold)
    for text in same:
        assert number.correct(problem, answer(text)) is CORRECT, text


@pytest.mark.parametrize(
    ("gold", "other"),
    [
        (
            "42",
            ["-42", "24", "42.0001", "1/42", "4 2", "42 apples", "$42", "42%", "x=42", "40+2", "42 42", "42..", "4_2"],
        ),
        (
            "42",
            ["1e1", "0x2a", "٤٢", "4²", "forty-two", "42/0", "42/1.0", "84/-2", "--42", "∞", "nan", "\0", "inf", "."],
        ),
        ("1000", ["1,00", "10,00", "1,0000", ",1000", "1,000,", "0,1000", "1 000", "1.000,0"]),
        ("123", ["0,123"]),
        ("0.333", ["1/3"]),
        ("0", ["1/999999999999999999999999999999", "0." + "0" * 500 + "1", "0/0"]),
    ],
)
def test_another_number_or_none_at_all(gold, other):
    problem = Problem(id="a", question="", gold=gold)
    for text in other:
        assert number.correct(problem, answer(text)) is WRONG, text


@pytest.mark.parametrize("gold", ["", "None", "42 apples", "1/0", "nan", "9" * 1001])
def test_a_gold_that_is_no_number_cannot_be_graded(gold):
    problem = Problem(id="a", question="", gold=gold)
    for text in (answer("42"), answer(gold), "", "<think>"):
        assert number.correct(problem, text) is UNGRADABLE


@given(st.fractions(), st.integers(1, 50))
def test_fractions_are_judged_exactly(value, factor):
    problem = Problem(id="a", question="", gold=str(value))
    written = f"{value.numerator * factor}/{value.denominator * factor}"
    assert number.correct(problem, answer(written)) is CORRECT
    assert number.correct(problem, answer(str(value + Fraction(1, 10**9)))) is WRONG
    assert number.correct(problem, answer(str(-value))) is (WRONG if value else CORRECT)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_decimals_are_judged_exactly(value):
    problem = Problem(id="a", question="", gold=str(Fraction(value)))
    assert number.correct(problem, answer(f"{value:f}")) is CORRECT
    assert number.correct(problem, answer(f"{value:,f}")) is CORRECT
    assert number.correct(problem, answer(f"{value:f}1")) is WRONG
