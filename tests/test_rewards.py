"""All rewards: the examples in their docstrings, one reading of the tags, and no text that breaks or stalls one."""

import doctest
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.rewards import choice, controls, countdown, language, length, number, repetition, text
from r1rl.rewards import format as form
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER
SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")
GAME = Problem(id="game", question="…", gold="63", meta={"numbers": [3, 7, 12], "target": 63})
QUIZ = Problem(id="quiz", question="…", gold="B", meta={"choices": ["Rome", "Paris", "Bonn"]})
PATTERN = Problem(id="pattern", question="…", gold="4[2-3]")

JUDGES = [  # (judge, problem, right answer, wrong answer)
    (number.correct, SUM, "42", "5"),
    (countdown.correct, GAME, "(12-3)*7", "5"),
    (choice.correct, QUIZ, "B", "A"),
    (text.exact, SUM, "42", "5"),
    (text.regex, PATTERN, "42", "5"),
]
REWARDS = {
    "number": number.correct,
    "countdown": countdown.correct,
    "choice": choice.correct,
    "lenient": lambda problem, completion: choice.correct(QUIZ, completion, extract="lenient"),
    "exact": text.exact,
    "regex": text.regex,
    "r1_zero": form.r1_zero,
    "r1": form.r1,
    "boxed": form.boxed,
    "english": language.consistency,
    "japanese": lambda problem, completion: language.consistency(problem, completion, language="ja"),
    "ngrams": repetition.ngrams,
}

tags = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "\\boxed{", "}"])
pieces = st.one_of(tags, st.text(max_size=8), st.sampled_from(["42", "(12-3)*7", " ", "7", "B", "Paris", "the 的 の"]))
completions = st.lists(pieces, max_size=12).map("".join)
judges = st.sampled_from(JUDGES)


def answer(text: str) -> str:
    return f"<think>so it is</think><answer>{text}</answer>"


@pytest.mark.parametrize(
    "module", [choice, controls, countdown, form, language, length, number, repetition, text], ids=lambda m: m.__name__
)
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


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
@pytest.mark.parametrize(
    ("judge", "problem", "right", "wrong"), JUDGES, ids=lambda item: getattr(item, "__name__", "-")
)
def test_only_closed_answer_tags_after_the_thinking_count(judge, problem, right, wrong, completion, verdict):
    assert judge(problem, completion.replace("{}", right)) is verdict


@given(judges, completions, completions)
def test_nothing_before_the_end_of_thinking_changes_the_verdict(judge, before, after):
    correct, problem, *_ = judge
    assert correct(problem, f"{before}</think>{after}") is correct(problem, f"</think>{after}")


@given(judges, completions)
def test_another_answer_behind_it_takes_a_right_answer_away(judge, before):
    correct, problem, right, wrong = judge
    assert correct(problem, f"{before}{answer(right)}") is CORRECT
    assert correct(problem, f"{before}{answer(right)}<answer>{wrong}</answer>") is WRONG
    assert correct(problem, f"{before}{answer(right)}<answer>") is NO_ANSWER


@given(completions)
def test_any_text_gets_a_judgement(completion):
    for correct, problem, *_ in JUDGES:
        assert correct(problem, completion) in (CORRECT, WRONG, NO_ANSWER)
    for reward in (form.r1_zero, form.r1, form.boxed):
        assert reward(SUM, completion) in (0.0, 1.0)
    assert all(0 <= language.consistency(SUM, completion, language=name) <= 1 for name in ("en", "zh", "ja", "ko"))
    assert -1 < repetition.ngrams(SUM, completion, n=2) <= 0


@given(completions)
@settings(max_examples=50)
def test_the_same_text_gets_the_same_reward(completion):
    for reward in REWARDS.values():
        assert reward(GAME, completion) == reward(GAME, completion)


LONG = 250_000  # characters: a policy with 32,768 tokens writes half as many, and a quadratic judge needs minutes
BOMBS = [
    ("<answer>1</answer>", ""),
    ("<answer>", ""),
    ("<think>", ""),
    ("</think>", ""),
    ("</think", "<think>"),
    ("<", ""),
    (" ", ""),
    ("9", "<answer>"),
    ("1,000", "<answer>"),
    (" ", "<answer>"),
    ("1/", "<answer>"),
    ("(", "<answer>"),
    ("1+", "<answer>"),
    ("\\text{", "<answer>"),
    ("A or ", "<answer>"),
    ("\\[", ""),
    ("\\(", ""),
    ("\\boxed{", ""),
    ("\\boxed{A}", ""),
    ("$a $", ""),
    ("`a\n", ""),
    ("的", ""),
    ("ﷺ", ""),
    ("answer ", ""),
]


@pytest.mark.parametrize(("unit", "opening"), BOMBS)
@pytest.mark.parametrize("reward", REWARDS.values(), ids=REWARDS.keys())
def test_a_long_text_takes_no_time(reward, unit, opening):
    bomb = opening + unit * (LONG // len(unit)) + opening.replace("<", "</")
    start = time.perf_counter()
    assert reward(GAME, bomb) != CORRECT
    assert time.perf_counter() - start < 60  # quadratic time would be hours
