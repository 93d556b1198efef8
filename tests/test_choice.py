"""Multiple choice: one letter however it is dressed, or the text of one choice, and no hedge."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.rewards import choice
from r1rl.types import Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared"))
LETTERS = SHARED / "grader_cases" / "lighteval_letters.jsonl"
CAPITALS = ["Rome", "Paris", "Bonn", "A Coruña", "New York"]

letters = st.sampled_from("ABCDEFGHIJ")
DRESSES = [
    *(
        "{}",
        "({})",
        "[{}]",
        "{}.",
        "{})",
        "{}:",
        "({}).",
        "**{}**",
        "__{}__",
        "`{}`",
        '"{}"',
        "{{{}}}",
        " {} ",
        "${}$",
        "\\({}\\)",
        "“{}”",
    ),
    *("\\text{{{}}}", "\\textbf{{({})}}", "\\mathrm{{{}}}", "$\\text{{{}.}}$", "\\text{{({}) }}", "\\boxed{{{}}}"),
    *("Answer: {}", "The answer is {}", "The correct answer is ({}).", "Option {}", "the final answer is: **{}**"),
]
HEDGES = [
    *("{} or {}", "{} and {}", "{}, {}", "{}/{}", "{}{}", "({})({})", "{} {}", "({}) or ({})", "either {} or {}"),
    *("{}. or {}.", "{}; {}", "{}, not {}", "not {} but {}", "{} = {}", "{} (or {})", "{}. {}", "({}) {}", "{} - {}"),
    *("\\text{{{}}} or \\text{{{}}}", "$\\{{{},{}\\}}$", "{} maybe {}?", "{}\n{}", "\\boxed{{{}}} or \\boxed{{{}}}"),
]


def judge(gold: str, answer: str, choices: list[str] | None = None, form: str = "<answer>{}</answer>", **options):
    meta = {} if choices is None else {"choices": choices}
    problem = Problem(id="quiz", question="…", gold=gold, meta=meta)
    return choice.correct(problem, f"<think>A? B? C!</think> So: {form.format(answer)}", **options)


@given(letters, letters, st.sampled_from(DRESSES), st.sampled_from(["<answer>{}</answer>", "\\boxed{{{}}}"]))
def test_a_letter_is_a_letter_however_it_is_dressed(gold, other, dress, form):
    wide = {letter: chr(ord(letter) + 0xFEE0) for letter in "ABCDEFGHIJ"}
    for written in (other, other.lower(), wide[other]):
        assert judge(gold, dress.format(written), form=form) is (CORRECT if other == gold else WRONG)


@given(letters, letters, st.sampled_from(HEDGES), st.booleans())
def test_a_hedge_is_wrong(gold, other, hedge, listed):
    if gold == other:
        return
    choices = [f"text {number}" for number in range(10)] if listed else None
    for first, second in ((gold, other), (other, gold)):
        for form in ("<answer>{}</answer>", "\\boxed{{{}}}"):
            assert judge(gold, hedge.format(first, second), choices, form) is WRONG


@pytest.mark.parametrize("gold", ["B", "(B)", "B.", "B)", "B. Paris", "(B) Paris", "b", "Paris", "paris.", "**B**"])
@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("B", CORRECT),
        ("B. Paris", CORRECT),
        ("(B) paris", CORRECT),
        ("(B)Paris", CORRECT),
        ("B - Paris", CORRECT),
        ("Paris", CORRECT),
        ("\\text{Paris}", CORRECT),
        ("PARIS.", CORRECT),
        ("**Paris**", CORRECT),
        ("\\text{B. Paris}", CORRECT),
        ("A", WRONG),
        ("Rome", WRONG),
        ("B. Rome", WRONG),
        ("A. Paris", WRONG),
        ("Paris or Rome", WRONG),
        ("Paris, A", WRONG),
        ("not Rome", WRONG),
        ("the one in France", WRONG),
        ("F", WRONG),
        ("E. New York", WRONG),
        ("2", WRONG),
        ("Б", WRONG),
        ("", NO_ANSWER),
    ],
)
def test_letters_and_texts_of_known_choices(gold, answer, verdict):
    assert judge(gold, answer, CAPITALS) is verdict


@pytest.mark.parametrize("number", range(5))
def test_the_gold_answer_gets_full_marks(number):
    letter, text = "ABCDE"[number], CAPITALS[number]
    golds = [letter, f"({letter})", f"{letter}. {text}", f"({letter}) {text}", text]
    for gold in golds:
        assert {judge(gold, answer, CAPITALS) for answer in golds} == {CORRECT}


def test_a_text_after_the_letter_may_be_anything_but_another_letter_where_nobody_knows_it():
    for answer in ("B. Paris", "B) Salt and water", "(B) A dog", "B: 5 apples", "B. \\frac{1}{2}"):
        assert judge("B", answer) is CORRECT, answer
    for answer in ("B. or C", "B. A", "(B) (A)", "B. Or is it C?", "B. (a) Rome", "B) D) E)"):
        assert judge("B", answer) is WRONG, answer


def test_a_text_that_two_choices_share_chooses_neither():
    assert judge("A", "yes", ["yes", "no", "Yes."]) is WRONG
    assert judge("A", "A", ["yes", "no", "Yes."]) is CORRECT


def test_a_letter_means_the_choice_at_that_letter_even_if_another_choice_is_that_letter():
    assert judge("A", "B", ["B", "A"]) is WRONG
    assert judge("A", "A", ["B", "A"]) is CORRECT
    assert judge("A. B", "A. B", ["B", "A"]) is CORRECT


@pytest.mark.parametrize(
    ("gold", "choices"),
    [
        *((gold, None) for gold in ("", "K", "AB", "A or B", "2", "A dog", "None", "B. or C")),
        *((gold, CAPITALS) for gold in ("F", "A. Paris", "London", "Rome or Paris")),
        *(("A", choices) for choices in ("Rome", [1, 2], {"A": "Rome"}, [str(number) for number in range(11)])),
        ("yes", ["yes", "yes"]),
    ],
)
def test_a_gold_that_is_no_choice_cannot_be_graded(gold, choices):
    for answer in ("A", gold or "B", "Rome"):
        assert judge(gold, answer, choices) is UNGRADABLE


def test_where_an_answer_may_stand():
    tags, box = "<answer>{}</answer>", "\\boxed{{{}}}"
    verdicts = [judge("B", "B", form=form, extract=place) for place in ("answer", "boxed") for form in (tags, box)]
    assert verdicts == [CORRECT, NO_ANSWER, NO_ANSWER, CORRECT]
    assert judge("B", "\\boxed{A}? No: \\boxed{B}", form="{}") is CORRECT  # the last word
    assert judge("B", "\\boxed{B}? No: \\boxed{A}", form="{}") is WRONG
    assert judge("B", "<answer>A</answer> No: \\boxed{B}", form="{}") is WRONG
    assert judge("B", "The answer is B.", form="{}") is NO_ANSWER
    with pytest.raises(UserError, match="extract"):
        judge("B", "B", extract="somewhere")
    with pytest.raises(UserError, match="extract"):
        choice.prepare(extract="box")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The answer is B.", CORRECT),
        ("Answer: (B)", CORRECT),
        ("I think that the answer is B, since A dog would bark.", CORRECT),
        ("B) Paris", CORRECT),
        ("Die Antwort ist B", CORRECT),
        ("答案是B", CORRECT),
        ("Not A. So B", CORRECT),
        ("The answer is A. \\boxed{B}", CORRECT),
        ("The answer is A.", WRONG),
        ("The answer is B. \\boxed{A}", WRONG),
        ("\\boxed{A or B}", WRONG),
        ("I do not know.", NO_ANSWER),
        ("A dog and I know nothing", NO_ANSWER),
        ("", NO_ANSWER),
    ],
)
def test_lenient_finds_an_answer_in_no_form(text, verdict):
    assert judge("B", text, form="{}", extract="lenient") is verdict


def test_lenient_does_not_look_into_the_thinking():
    assert (
        choice.correct(Problem(id="a", question="", gold="B"), "<think>The answer is B", extract="lenient") is NO_ANSWER
    )


@pytest.mark.skipif(not LETTERS.is_file(), reason=f"no labelled cases at {LETTERS}: set R1RL_SHARED")
def test_letters_of_lighteval():
    for row in map(json.loads, LETTERS.read_text().splitlines()):
        problem = Problem(id="a", question="", gold=row["gold"])
        verdict = choice.correct(problem, row["pred"], extract="lenient")
        assert (verdict is CORRECT) == row["expected"], row
