"""Judges answers to reasoning-gym's tasks by the task's own scorer (`pip install reasoning-gym`).

The scorers give partial credit of many kinds, so only full marks are CORRECT. Some give credit for naming the answer
among other words: that is partial too. Scorers that evaluate answers as Python are refused, see r1rl.corpus.gym.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from r1rl.answer.extract import either, last_boxed, tagged, unwrapped
from r1rl.corpus import gym
from r1rl.errors import UserError
from r1rl.types import Judgement, Problem, Verdict

FULL = 1 - 1e-6  # of 1, in floating point
LONGEST = 10_000  # characters of an answer
# What the scorers raise about answers that they cannot read. Such an answer is wrong, not ungradable: a policy could
# otherwise avoid to be judged by writing one.
UNREADABLE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, SyntaxError, AssertionError)


def prepare(*, extract: str = "either", partial: bool = False) -> None:
    """Raises UserError without the library, or for an unknown place of answers."""
    gym.library()
    if extract not in EXTRACT:
        raise UserError(
            f"reasoning_gym:correct cannot extract {extract!r}",
            "it says where an answer stands",
            f"write one of {', '.join(EXTRACT)}",
        )


def correct(problem: Problem, completion: str, *, extract: str = "either", partial: bool = False) -> Judgement:
    """Does the task's scorer give the answer full marks? With `partial`, a wrong answer is worth what it gives.

    `extract` says where the answer stands: "answer" (the tags), "boxed" or "either". Several different answers in tags
    are a hedge: WRONG.
    """
    entry, task = problem.meta.get("entry"), problem.meta.get("task")
    if not isinstance(entry, dict) or not isinstance(task, str):
        return Judgement.of(Verdict.UNGRADABLE, "not a problem of reasoning-gym")
    answers = {unwrapped(answer).strip() for answer in EXTRACT[extract](completion)}
    if not answers:
        return Judgement.of(Verdict.NO_ANSWER)
    if len(answers) > 1:
        return Judgement.of(Verdict.WRONG, "several answers")
    answer = answers.pop()
    if len(answer) > LONGEST:
        return Judgement.of(Verdict.WRONG, f"an answer of {len(answer):,} characters")
    scorer = _scorer(task)
    try:
        value = float(scorer.score_answer(answer, entry))
    except UNREADABLE as error:
        return Judgement.of(Verdict.WRONG, f"the scorer cannot read it: {type(error).__name__}")
    if value >= FULL:
        return Judgement.of(Verdict.CORRECT)
    detail = f"scored {value:.2f}"
    return Judgement(verdict=Verdict.WRONG, value=min(max(value, 0.0), 1.0) if partial else 0.0, detail=detail)


@cache
def _scorer(task: str) -> Any:
    gym.check(task)
    return gym.dataset(task, 0, 1)


def _either(completion: str) -> list[str]:
    last = either(completion)
    return [] if last is None else [last, *tagged(completion)]


def _boxed(completion: str) -> list[str]:
    last = last_boxed(completion)
    return [] if last is None else [last]


EXTRACT = {"answer": tagged, "boxed": _boxed, "either": _either}
