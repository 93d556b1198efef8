"""Texts and patterns: the whole answer, letter by letter, and no pattern that runs for ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.rewards import text
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE

words = st.text("abcXYZ éß1-'", min_size=1, max_size=20).filter(str.strip)


def exact(gold: str, answer: str, form: str = "<answer>{}</answer>", **options: str) -> Verdict:
    return text.exact(Problem(id="a", question="", gold=gold), f"<think>so</think>{form.format(answer)}", **options)


def regex(gold: str, answer: str, form: str = "<answer>{}</answer>", **options: str) -> Verdict:
    return text.regex(Problem(id="a", question="", gold=gold), f"<think>so</think>{form.format(answer)}", **options)


@given(words, words)
def test_exact_is_equality_of_words(gold, answer):
    assert exact(gold, answer) is (CORRECT if gold.split() == answer.split() else WRONG)
    same = [word.casefold() for word in gold.split()] == [word.casefold() for word in answer.split()]
    assert exact(gold, answer, case="any") is (CORRECT if same else WRONG)


@given(words)
def test_the_gold_answer_gets_full_marks(gold):
    for form in ("<answer>{}</answer>", "\\boxed{{{}}}", "\\boxed{{\\text{{{}}}}}", "<answer>\\boxed{{{}}}</answer>"):
        assert exact(gold, gold, form) is CORRECT
        assert exact(f"\\text{{{gold}}}", gold, form) is CORRECT
        assert exact(gold, gold + "x", form) is WRONG


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("New York", " New \n York ", CORRECT),
        ("cafe\u0301", "café", CORRECT),
        ("north", "thorn", WRONG),
        ("yes", "Yes", WRONG),
        ("yes", "yes.", WRONG),
        ("yes", "yes or no", WRONG),
        ("yes", "**yes**", WRONG),
        ("yes", "yes</answer> <answer>no", WRONG),
        ("yes", "yes</answer> <answer> yes", CORRECT),
        ("yes", "", NO_ANSWER),
        ("", "yes", UNGRADABLE),
        (" \n", "yes", UNGRADABLE),
        ("x" * 20_000, "x" * 20_000, UNGRADABLE),
    ],
)
def test_exact(gold, answer, verdict):
    assert exact(gold, answer) is verdict


@pytest.mark.parametrize(
    ("pattern", "answer", "verdict"),
    [
        (r"\d{4}-\d\d-\d\d", "2024-02-29", CORRECT),
        (r"\d{4}-\d\d-\d\d", " 2024-02-29\n", CORRECT),
        (r"\d{4}-\d\d-\d\d", "2024-02-29 or 2024-03-01", WRONG),
        (r"\d{4}-\d\d-\d\d", "2024-02-29</answer><answer>2024-03-01", WRONG),
        (r"\d{4}-\d\d-\d\d", "2024-02-29</answer><answer>2024-02-29", CORRECT),
        ("yes|no", "yes", CORRECT),
        ("yes|no", "yesno", WRONG),
        ("^yes$", "yes", CORRECT),
        ("yes", "yes no", WRONG),
        ("yes", "Yes", WRONG),
        ("(?i)yes", "YES", CORRECT),
        ("[ab]+c", "abbac", CORRECT),
        ("yes", "", NO_ANSWER),
        (".+", "x" * 20_000, WRONG),
        ("(", "(", UNGRADABLE),
        ("*", "*", UNGRADABLE),
        ("", "yes", UNGRADABLE),
        (".*", "anything", UNGRADABLE),
        ("(yes)?", "yes", UNGRADABLE),
        ("x" * 20_000, "x", UNGRADABLE),
    ],
)
def test_regex(pattern, answer, verdict):
    assert regex(pattern, answer) is verdict


@given(words, words)
def test_a_pattern_without_signs_is_an_exact_text(gold, answer):
    gold, answer = (" ".join(string.replace("-", "").split()) for string in (gold, answer))
    if gold and answer:
        assert regex(gold, answer) is exact(gold, answer)


@pytest.mark.parametrize("pattern", ["(a+)+b", "(.*a){25}b"])
def test_a_pattern_that_backtracks_for_ever_is_stopped(pattern):
    assert regex(pattern, "a" * 5_000) in (WRONG, UNGRADABLE)  # some of them the package can see through


def test_where_an_answer_may_stand():
    box = "\\boxed{{{}}}"
    for judge in (exact, regex):
        assert [judge("yes", "yes", box, extract=place) for place in ("answer", "boxed")] == [NO_ANSWER, CORRECT]
        assert [judge("yes", "yes", extract=place) for place in ("answer", "boxed")] == [CORRECT, NO_ANSWER]
        with pytest.raises(UserError, match="extract"):
            judge("yes", "yes", extract="box")
    with pytest.raises(UserError, match="case"):
        exact("yes", "yes", case="lower")
    with pytest.raises(UserError, match="case"):
        text.prepare(case="lower")
