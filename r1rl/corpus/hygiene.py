r"""Rows that cannot be used, found when data are loaded rather than in the middle of a run, and never lost silently.

Published sets have empty golds, lists where an answer should be, ids that stand twice, and text that went through a
language in which "\t" is a tab: `\text` becomes a tab and "ext", `\frac` a form feed and "rac". Such a question cannot
be understood and such a gold cannot be reached, so a model is punished for being right.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from r1rl.answer import gold
from r1rl.corpus.definition import Kind
from r1rl.types import Problem

DRAWING = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)  # programs, with tabs of their own
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # all but tab, line feed and carriage return
EATEN = re.compile(
    r"\t(?=ext|heta|imes|riangle|frac|binom|ilde|an\b|au\b|o\b|op\b)"
    r"|\r(?=ho|ight|angle|m\b|ceil|floor)"
)


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """A row that cannot be used, and why.

    >>> str(BadRow(id="math/5328", why="gold answer: empty"))
    'math/5328: gold answer: empty'
    """

    id: str
    why: str

    def __str__(self) -> str:
        return f"{self.id}: {self.why}"


def bad(problem: Problem, kind: Kind) -> str | None:
    """Why a problem cannot be used, or None. Fast: whether the judge accepts the gold answer is asked by `doubt`.

    >>> bad(Problem(id="a", question="1 + 1 = ?", gold=""), "math")
    'gold answer: empty'
    """
    if not isinstance(problem.question, str) or not problem.question.strip():
        return "there is no question"
    if reason := eaten(problem.question):
        return f"question: {reason}"
    return CHECKS[kind](problem)


def doubt(problem: Problem, kind: Kind) -> str | None:
    """Why a gold answer should not be trusted: it does not judge itself right, or accepts others. Milliseconds each."""
    return gold.problems(problem.gold) if kind in ("math", "traces") else None


def eaten(text: str) -> str | None:
    r"""The control character that says that a backslash was lost, or None.

    >>> eaten("\frac{1}{2}"), eaten("on \text{ [0, 1]}"), eaten("columns:\n\ta\tb")
    ("the control character '\\x0c'", "a backslash is missing before '\\text'", None)
    """
    text = DRAWING.sub("", text)
    if found := CONTROL.search(text):
        return f"the control character {found[0]!r}"
    found = EATEN.search(text)
    return f"a backslash is missing before {text[found.start() : found.start() + 4]!r}" if found else None


def _math(problem: Problem) -> str | None:
    if not isinstance(problem.gold, str):
        return f"gold answer: not a text but {type(problem.gold).__name__}"
    if reason := eaten(problem.gold) or gold.unreadable(problem.gold):
        return f"gold answer: {reason}"
    if re.fullmatch(r"\[\s*(['\"]).*\1\s*\]", problem.gold.strip(), re.DOTALL):
        return "gold answer: a list in the notation of Python"
    return None


def _choice(problem: Problem) -> str | None:
    choices = problem.meta.get("choices")
    if not isinstance(choices, list | tuple) or len(choices) < 2:
        return "there are no choices"
    if len(set(choices)) < len(choices):
        return "two choices are the same"
    letters = "ABCDEFGHIJ"[: len(choices)]
    return None if problem.gold in tuple(letters) else f"gold answer: {problem.gold!r} is none of {letters}"


def _code(problem: Problem) -> str | None:
    tests = problem.meta.get("tests")
    if not isinstance(tests, dict):
        return f"tests: {tests or 'there are none'}"
    if tests["kind"] == "assert":
        return None if tests["code"].strip() and tests["entry_point"] else "tests: empty"
    return None if tests["cases"] else "tests: no cases"


def _traces(problem: Problem) -> str | None:
    traces = problem.meta.get("traces")
    if not isinstance(traces, list | tuple) or not traces:
        return "there is no trace that was found right"
    return _math(problem)


CHECKS = {"math": _math, "choice": _choice, "code": _code, "traces": _traces}
