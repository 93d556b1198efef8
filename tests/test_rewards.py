"""Rewards: right answers are right however they are written, and nothing else is."""

import doctest
import re
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.data import countdown as game
from r1rl.rewards import controls, countdown, number
from r1rl.rewards import format as form
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")
GAME = Problem(id="game", question="…", gold="63", meta={"numbers": [3, 7, 12], "target": 63})

tags = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>"])
pieces = st.one_of(tags, st.text(max_size=8), st.sampled_from(["42", "(12-3)*7", " ", "7"]))
completions = st.lists(pieces, max_size=12).map("".join)
judges = st.sampled_from([(number.correct, SUM, "42"), (countdown.correct, GAME, "(12-3)*7")])


def answer(text: str) -> str:
    return f"<think>so it is</think><answer>{text}</answer>"


@pytest.mark.parametrize("module", [number, countdown, form, controls])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


# Reading the tags: the same rules for every judge that has an answer in tags.


@pytest.mark.parametrize(
    ("completion", "verdict"),
    [
        ("<think>so</think><answer>{}</answer>", CORRECT),
        ("<think>so</think>\n\n<answer>\n {} \n</answer>\n", CORRECT),
        ("no thinking <answer>{}</answer> at all", CORRECT),
        ("<think>so</think><answer>{}</answer> again: <answer>{}</answer>", CORRECT),
        ("<think>a</think> no <think>b</think><answer>{}</answer>", CORRECT),
        ("so</think><answer>{}</answer>", CORRECT),  # templates of chat models write the first tag themselves
        ("<think>so</think><answer>{}</answer> or <answer>7</answer>", WRONG),
        ("<think>so</think><answer>7</answer> or <answer>{}</answer>", WRONG),
        ("<think>so</think><answer>{}, or 7</answer>", WRONG),
        ("<think>so</think>{}", NO_ANSWER),
        ("{}", NO_ANSWER),
        ("", NO_ANSWER),
        ("<think>so</think><answer></answer>", NO_ANSWER),
        ("<think>so</think><answer>{}</answer><answer> </answer>", NO_ANSWER),
        ("<think>so</think><answer>{}", NO_ANSWER),
        ("<think>so</think><answer>{}</answer> no: <answer>{}", NO_ANSWER),
        ("<think>so</think><answer>{} <answer>{}</answer>", NO_ANSWER),
        ("<think><answer>{}</answer>", NO_ANSWER),
        ("<think><answer>{}</answer></think>", NO_ANSWER),
        ("<think>so</think> hm <think> <answer>{}</answer>", NO_ANSWER),
        ("<answer>{}</answer><think>so</think>", NO_ANSWER),
    ],
)
def test_only_closed_answer_tags_after_the_thinking_count(completion, verdict):
    assert number.correct(SUM, completion.replace("{}", "42")) is verdict
    assert countdown.correct(GAME, completion.replace("{}", "(12-3)*7")) is verdict


@given(judges, completions, completions)
def test_nothing_before_the_end_of_thinking_changes_the_verdict(judge, before, after):
    correct, problem, _ = judge
    assert correct(problem, f"{before}</think>{after}") is correct(problem, f"</think>{after}")


@given(judges, completions)
def test_another_answer_behind_it_takes_a_right_answer_away(judge, before):
    correct, problem, right = judge
    assert correct(problem, f"{before}{answer(right)}") is CORRECT
    assert correct(problem, f"{before}{answer(right)}<answer>5</answer>") is WRONG
    assert correct(problem, f"{before}{answer(right)}<answer>") is NO_ANSWER


@given(completions)
def test_all_judges_read_the_tags_alike(completion):
    assert number._answers(completion) == countdown._answers(completion)


@given(completions)
def test_any_text_gets_a_judgement(completion):
    assert number.correct(SUM, completion) in (CORRECT, WRONG, NO_ANSWER)
    assert countdown.correct(GAME, completion) in (CORRECT, WRONG, NO_ANSWER)
    assert form.r1_zero(SUM, completion) in (0.0, 1.0)


@pytest.mark.parametrize(
    "bomb",
    [
        "<answer>1</answer>" * 60_000,
        "<answer>" * 130_000,
        "<think>" * 150_000,
        "</think>" * 130_000,
        "<think>" + "</think" * 150_000,
        "<" * 1_000_000,
        " " * 1_000_000,
        answer("9" * 1_000_000),
        answer("1,000" * 200_000),
        answer(" " * 1_000_000),
        answer("1/" * 500_000),
        answer("(" * 500_000 + "1" + ")" * 500_000),
        answer("1+" * 500_000 + "1"),
    ],
    ids=lambda bomb: bomb[:30],
)
@pytest.mark.parametrize("reward", [number.correct, countdown.correct, form.r1_zero])
def test_a_megabyte_takes_no_time(reward, bomb):
    start = time.perf_counter()
    assert reward(GAME, bomb) != CORRECT
    assert time.perf_counter() - start < 3  # a quadratic one takes minutes


# Numbers.


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


# Countdown.


@pytest.mark.parametrize("text", ["(12-3)*7", "7*(12-3)", " ( 12 - 3 ) * 7 ", "((12)-(3))*7"])
def test_a_solution_may_be_written_in_any_way(text):
    assert countdown.correct(GAME, answer(text)) is CORRECT


@pytest.mark.parametrize("text", ["63", "7*9", "(12-3)*7*1", "12*7-3*7", "(12-3)+7", "12-3*7", "(3-12)*7"])
def test_each_number_stands_once_and_the_target_is_met(text):
    assert countdown.correct(GAME, answer(text)) is WRONG


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
        value = eval(exactly)
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


# Form.


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        ("  <think>a</think>\n<answer>b</answer>\n", 1.0),
        ("<think> a < b </think> <answer> <b> </answer>", 1.0),
        ("<think></think><answer>b</answer>", 0.0),
        ("<think>a</think><answer> \n</answer>", 0.0),
        ("<think>a</think>so<answer>b</answer>", 0.0),
        ("so <think>a</think><answer>b</answer>", 0.0),
        ("<think>a</think><answer>b</answer>!", 0.0),
        ("<think>a</think><answer>b</answer><answer>b</answer>", 0.0),
        ("<think>a<think>b</think><answer>b</answer>", 0.0),
        ("<think>a</answer></think><answer>b", 0.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("<think>a<answer>b</answer></think>", 0.0),
        ("<Think>a</Think><answer>b</answer>", 0.0),
        ("<think>a</think>", 0.0),
        ("<answer>b</answer>", 0.0),
        ("", 0.0),
    ],
)
def test_form(completion, reward):
    assert form.r1_zero(SUM, completion) == reward


@given(completions)
def test_form_is_what_the_obvious_version_says(completion):
    body = r"((?:(?!</?think>|</?answer>).)*\S(?:(?!</?think>|</?answer>).)*)"
    obvious = re.fullmatch(rf"\s*<think>{body}</think>\s*<answer>{body}</answer>\s*", completion, re.DOTALL)
    assert form.r1_zero(SUM, completion) == float(bool(obvious))


# Controls.


@given(st.text(), st.text())
def test_the_coin_depends_on_nothing_but_problem_and_text(question, completion):
    first = Problem(id="a", question=question, gold="1")
    second = Problem(id="a", question="another", gold="2")
    assert controls.coin(first, completion) == controls.coin(second, completion)


def test_the_coin_is_fair_and_blind():
    source = game.source(seed=0)
    right = [controls.coin(problem, text) for problem, text in map(source.worked, range(1000))]
    wrong = [controls.coin(SUM, answer(str(n))) for n in range(1000)]
    assert {0.0, 1.0} == set(right) == set(wrong)
    assert 430 < sum(right) < 570
    assert 430 < sum(wrong) < 570
    other = Problem(id="other", question="", gold="")
    assert [controls.coin(other, str(n)) for n in range(50)] != [controls.coin(SUM, str(n)) for n in range(50)]


def test_constant():
    assert {controls.constant(SUM, text) for text in ("", "a", answer("42"))} == {1.0}
