"""reasoning-gym's tasks: what its adapter (r1rl.data.reasoning_gym) and its judge (r1rl.rewards.reasoning_gym) share.

Some of its scorers hand the answer to Python's eval(), or to sympy's parser, which is eval() too. An answer is written
by the policy in training, so these tasks are refused: `__import__("os")` would run in the judge.
"""

from __future__ import annotations

import importlib
import inspect
import re
from functools import lru_cache
from types import ModuleType
from typing import Any

from r1rl.errors import UserError
from r1rl.nearest import did_you_mean

# eval(entry["answer"]) evaluates the library's own text, and propositional_logic has a parse_expr of its own.
RUNS_ANSWERS = re.compile(r"\beval\((?!entry\b)|\bexec\(|parse_expr\(|sympify\(|parse_latex\(")
OWN_PARSER = frozenset({"propositional_logic"})


def library() -> ModuleType:
    """The package. Raises UserError if it is not installed."""
    try:
        return importlib.import_module("reasoning_gym")
    except ImportError as error:
        raise UserError(
            f"reasoning-gym cannot be imported: {error}",
            "its generators and scorers are not part of r1rl",
            "pip install reasoning-gym",
        ) from None


def tasks() -> list[str]:
    """All tasks of the installed version. Raises UserError."""
    library()
    return sorted(importlib.import_module("reasoning_gym.factory").DATASETS)


def check(task: str) -> None:
    """Raises ValueError for a task that does not exist or whose scorer runs answers, UserError without the library."""
    known = tasks()
    if task not in known:
        raise ValueError(f"reasoning_gym: there is no task {task!r}; {did_you_mean(str(task), known)}")
    if runs_answers(task):
        raise ValueError(
            f"reasoning_gym: the scorer of {task} evaluates answers as Python, so a policy could run programs in the "
            "judge; take another task (for countdown: `source: countdown`)"
        )


def runs_answers(task: str) -> bool:
    """Does the scorer of a task evaluate what it is given? Yes, if nobody can tell."""
    made, _ = importlib.import_module("reasoning_gym.factory").DATASETS[task]
    try:
        text = inspect.getsource(made.score_answer)
    except OSError:
        return True
    return task not in OWN_PARSER and bool(RUNS_ANSWERS.search(text))


@lru_cache(maxsize=16)
def dataset(task: str, seed: int, size: int, settings: tuple[tuple[str, Any], ...] = ()) -> Any:
    """A block of a task's problems. Raises ValueError for settings that the task does not have or like."""
    try:
        return library().create_dataset(task, seed=seed, size=size, **dict(settings))
    except (TypeError, AssertionError, ValueError) as error:
        raise ValueError(f"reasoning_gym: {task} with {dict(settings)}: {error}") from None
