"""Judging one answer: which functions judge it, and what their judgements add up to.

Whatever a reward does wrong (raises, returns nonsense or NaN) becomes the verdict UNGRADABLE, with a note that names
the reward: a fault of the judge is not a fault of the policy. What no exception handler can stop, r1rl.reward stops.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import math
import sys
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from types import ModuleType

import r1rl.rewards
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.types import Judgement, Problem, RewardFn, Score, Verdict

BUILTIN = Path(r1rl.rewards.__path__[0])


def resolve(fn: str) -> RewardFn:
    """The function behind a name: "number:correct" of r1rl.rewards, or "path/to/file.py:fn" of the user's own.

    Raises UserError, with the nearest name that exists.
    """
    module, _, name = fn.rpartition(":")
    path = Path(module) if module.endswith(".py") else BUILTIN / f"{module}.py"
    if not path.is_file():
        raise _unresolved(fn, f"there is no file {path}", did_you_mean(module, _builtin()))
    try:
        defined = vars(_load(path))
    except Exception as error:
        raise _unresolved(fn, f"{path} cannot be imported: {type(error).__name__}: {error}", "correct it") from error
    functions = {name: value for name, value in defined.items() if callable(value) and not isinstance(value, type)}
    if name not in functions:
        raise _unresolved(fn, f"{path} has no function `{name}`", did_you_mean(name, functions))
    return functions[name]


def score(rewards: Sequence[tuple[str, RewardFn, float]], problem: Problem, text: str) -> Score:
    """One answer under all rewards, each a (name, function, weight); the first one judges right and wrong.

    With number:correct at weight 1 and format:r1_zero at weight 0.5, "<think>7+5=12</think><answer>12</answer>" scores
    1.5. If any reward cannot say, the whole score is UNGRADABLE: a sum without one of its parts is another reward.
    """
    first, value = Judgement.of(Verdict.UNGRADABLE), 0.0
    parts: dict[str, float] = {}
    for name, fn, weight in rewards:
        try:
            judgement = fn(problem, text)
            first = first if parts else _first(judgement)
            parts[name] = _part(judgement)
        except (KeyboardInterrupt, SystemExit):  # the process is asked to stop
            raise
        except BaseException as error:  # noqa: BLE001 - any other failure of a reward is data; timeouts are BaseException
            return ungradable(f"{name}: {type(error).__name__}: {error}"[:500])
        value += weight * parts[name]
    return Score(value=value, parts=parts, verdict=first.verdict, detail=first.detail)


def ungradable(detail: str) -> Score:
    """The score of an answer that nobody can judge, and why."""
    return Score(value=0.0, parts={}, verdict=Verdict.UNGRADABLE, detail=detail)


def _first(judgement: object) -> Judgement:
    if isinstance(judgement, Verdict):
        return Judgement.of(judgement)
    if not isinstance(judgement, Judgement):
        raise TypeError(f"returned {judgement!r}, but the first reward must return a Verdict or a Judgement")
    return judgement


def _part(judgement: object) -> float:
    """A judgement as a number: what it is worth, or the number that it is."""
    if isinstance(judgement, Verdict):
        judgement = Judgement.of(judgement)
    if isinstance(judgement, Judgement):
        if judgement.verdict is Verdict.UNGRADABLE:
            raise ValueError(f"could not grade this answer: {judgement.detail or 'no reason given'}")
        judgement = judgement.value
    if not isinstance(judgement, Real) or not math.isfinite(judgement):
        raise TypeError(f"returned {judgement!r}, which is neither a Judgement, a Verdict nor a finite number")
    return float(judgement)


def _builtin() -> list[str]:
    return [file.stem for file in BUILTIN.glob("[!_]*.py")]


def _unresolved(fn: str, why: str, instead: str) -> UserError:
    return UserError(f"there is no reward `{fn}`", why, f"write module:function or path/to/file.py:function; {instead}")


def _load(path: Path) -> ModuleType:
    if path.parent == BUILTIN:
        return importlib.import_module(f"r1rl.rewards.{path.stem}")
    name = f"r1rl_reward_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module
