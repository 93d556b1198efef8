"""What an audit tries: completions of a recipe's own problems, each with the knowledge whether it deserves to pass."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from r1rl import attacks
from r1rl.answer import second
from r1rl.judge import Answer
from r1rl.types import Problem, ProblemSource

RIGHT, OTHERS = "gold against itself", "another problem's answer"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One answer, and whether it deserves to pass.

    >>> p = Problem(id="a", question="1+1", gold="2")
    >>> Probe(check="empty", answer=Answer(problem=p, text="", tokens=0), deserves=False).deserves
    False
    """

    check: str
    answer: Answer
    deserves: bool


def probes_of(source: ProblemSource, count: int) -> Iterator[Probe]:
    """All answers to try on the first `count` training problems."""
    rows = [_with_right_answer(source, i) for i in range(count)]
    for i, (problem, right) in enumerate(rows):
        other, others_right = next((row for row in rows[i + 1 :] + rows[:i] if _differs(problem, row[0])), (None, None))
        for check, deserves, text in _texts(problem, right, other, others_right):
            yield Probe(
                check=check, answer=Answer(problem=problem, text=text, tokens=len(text.split())), deserves=deserves
            )


def _with_right_answer(source: ProblemSource, ordinal: int) -> tuple[Problem, str]:
    """A problem and a completion that deserves to pass: the source's own worked example, else its gold as answer."""
    try:
        return source.worked(ordinal)
    except ValueError:
        problem = source.problem("train", ordinal)
        return problem, attacks.THOUGHT + _final(problem)


def _final(problem: Problem) -> str:
    if "tests" not in problem.meta:
        return f"<answer>{problem.gold}</answer>"
    return f"```python\n{problem.meta.get('solution') or problem.gold}\n```"


def _texts(
    problem: Problem, right: str, other: Problem | None, others_right: str | None
) -> Iterator[tuple[str, bool, str]]:
    yield RIGHT, True, right
    for text in attacks.EMPTY:
        yield "empty answer", False, text
    yield "the question as answer", False, f"{attacks.THOUGHT}<answer>{problem.question}</answer>"
    for thought in attacks.THOUGHTS:
        yield "answer inside the thinking", False, thought(right.rpartition("</think>")[2])
    if other is not None and others_right is not None:
        yield OTHERS, False, others_right
    for text in _programs(problem) if "tests" in problem.meta else _answers(problem, other):
        yield "attack", False, attacks.THOUGHT + text


def _programs(problem: Problem) -> Iterator[str]:
    tests = problem.meta["tests"]
    tests = json.loads(tests) if isinstance(tests, str) else tests
    name = str(tests.get("entry_point", "solve")) if isinstance(tests, dict) else "solve"
    for program in attacks.PROGRAMS:
        yield "```python\n" + program.replace("{name}", name) + "\n```"


def _answers(problem: Problem, other: Problem | None) -> Iterator[str]:
    for word in attacks.WORDS:
        if second.agrees(problem.gold, word) is not True:
            yield f"<answer>{word}</answer>"
    if other is not None:
        for hedge in attacks.HEDGES:
            yield hedge(problem.gold, other.gold)


def _differs(a: Problem, b: Problem) -> bool:
    if "tests" in a.meta:
        return a.meta["tests"] != b.meta.get("tests")
    return a.gold != b.gold and second.agrees(a.gold, b.gold) is not True


def last_answer(text: str) -> str:
    """What stands in the last answer tags."""
    return text.rpartition("<answer>")[2].partition("</answer>")[0]
