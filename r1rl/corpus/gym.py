"""reasoning-gym's tasks: what its adapter (r1rl.data.reasoning_gym) and its judge (r1rl.rewards.reasoning_gym) share.

Some of its scorers hand the answer to Python's eval(), or to sympy's parser, which is eval() too. An answer is written
by the policy in training, so these tasks are refused: `__import__("os")` would run in the judge. Others give full marks
to any text that is not empty, or to "nan", for some of their own problems: these are tried, and refused too.
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
NONSENSE = ("nan", "-", "?!", "no idea")
TRIED = 8  # problems: half of them have the answer that is paid for nothing, where there are two


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
    if paid := paid_nonsense(task):
        raise ValueError(f"reasoning_gym: the scorer of {task} gives full marks to {paid!r}; take another task")


def runs_answers(task: str) -> bool:
    """Does the scorer of a task evaluate what it is given? Yes, if nobody can tell."""
    made, _ = importlib.import_module("reasoning_gym.factory").DATASETS[task]
    try:
        text = inspect.getsource(made.score_answer)
    except OSError:
        return True
    return task not in OWN_PARSER and bool(RUNS_ANSWERS.search(text))


@lru_cache(maxsize=128)
def paid_nonsense(task: str) -> str:
    """A text that answers nothing and gets full marks for one of the task's first problems, or ""."""
    try:
        made = dataset(task, 0, TRIED)
        entries = [made[place] for place in range(TRIED)]
    except Exception:  # noqa: BLE001 - the library's: told when the task is used with its settings
        return ""
    return next((text for text in NONSENSE for entry in entries if _full(made, text, entry)), "")


def _full(made: Any, text: str, entry: dict[str, Any]) -> bool:
    try:
        return bool(float(made.score_answer(text, entry)) >= 1 and text != entry["answer"])
    except Exception:  # noqa: BLE001 - a scorer that cannot read nonsense pays nothing for it
        return False


@lru_cache(maxsize=16)
def dataset(task: str, seed: int, size: int, settings: tuple[tuple[str, Any], ...] = ()) -> Any:
    """A block of a task's problems. Raises ValueError for settings that the task does not have or like."""
    try:
        return library().create_dataset(task, seed=seed, size=size, **dict(settings))
    except (TypeError, AssertionError, ValueError) as error:
        raise ValueError(f"reasoning_gym: {task} with {dict(settings)}: {error}") from None
