"""Judging one answer: which functions judge it, and what their judgements add up to.

Whatever a reward does wrong (raises, returns nonsense or NaN) becomes the verdict UNGRADABLE, with a reason that names
the reward: a fault of the judge is not a fault of the policy. What no exception handler can stop, r1rl.reward stops.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from types import ModuleType

import r1rl.rewards
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.types import FILLED, Judgement, Problem, RewardFn, Score, Verdict

BUILTIN = Path(r1rl.rewards.__path__[0])
VERSION = 1  # of the verdicts: raise it whenever a change of a builtin judge changes one, for numbers to be comparable
LONGEST_REASON = 500  # characters


@dataclass(frozen=True, kw_only=True)
class RewardSpec:
    """One reward of a recipe: its name as in `resolve`, its weight and its options.

    >>> RewardSpec(fn="math:correct", weight=1.0, options={"extract": "answer"}).fn
    'math:correct'
    """

    fn: str
    weight: float = 1.0
    options: Mapping[str, object] = field(default_factory=dict)
    full_marks: bool = False  # for a reward graded alone: if it returns a number, 1.0 is CORRECT and less is WRONG


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is judged: a problem, the completion's text and its length.

    >>> Answer(problem=Problem(id="a", question="1+1", gold="2"), text="<answer>2</answer>", tokens=7).tokens
    7
    """

    problem: Problem
    text: str
    tokens: int | None  # None where nobody has counted them, as in a file of texts


@dataclass(frozen=True, kw_only=True)
class Part:
    """A reward, ready to judge."""

    name: str
    fn: RewardFn
    weight: float
    options: Mapping[str, object]
    fills: frozenset[str]  # which of FILLED the function asks for
    full_marks: bool = False

    def __call__(self, answer: Answer, verdict: Verdict) -> object:
        known = {"tokens": answer.tokens, "verdict": verdict}
        if "tokens" in self.fills and answer.tokens is None:
            raise ValueError("needs the length of the completion in tokens")
        filled = {name: known[name] for name in self.fills}
        judgement = self.fn(answer.problem, answer.text, **self.options, **filled)
        if self.full_marks and isinstance(judgement, int | float) and math.isfinite(judgement):
            verdict = Verdict.CORRECT if judgement >= 1 else Verdict.WRONG
            return Judgement(verdict=verdict, value=float(judgement), detail="")
        return judgement


def bind(spec: RewardSpec) -> Part:
    """The function behind a spec with its options. Raises UserError when there is none, or it takes other options."""
    fn = resolve(spec.fn)
    signature = inspect.signature(fn)
    fills = FILLED & signature.parameters.keys()
    try:
        signature.bind(None, "", **dict(spec.options), **dict.fromkeys(fills))
    except TypeError as error:
        raise UserError(
            f"reward `{spec.fn}` does not take the options {dict(spec.options)}: {error}",
            "options are the keyword arguments of its function",
            f"its signature is {signature}; tokens and verdict are filled in",
        ) from error
    return Part(name=spec.fn, fn=fn, weight=spec.weight, options=spec.options, fills=fills, full_marks=spec.full_marks)


def prepare(spec: RewardSpec) -> str:
    """Lets a reward's module get ready, if it defines `prepare(**options)`; what it has to say to the user, or "".

    Raises UserError when the module refuses, for example because this machine has no safe sandbox.
    """
    ready = getattr(sys.modules[resolve(spec.fn).__module__], "prepare", None)
    return str(ready(**spec.options) or "") if ready else ""


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
        own = [
            known for known, value in functions.items() if known[0] != "_" and value.__module__ == defined["__name__"]
        ]
        raise _unresolved(fn, f"{path} has no function `{name}`", did_you_mean(name, set(own) - {"prepare"}))
    return functions[name]


def score(parts: Sequence[Part], answer: Answer) -> Score:
    """One answer under all rewards; the first one judges right and wrong.

    With number:correct at weight 1 and format:r1_zero at weight 0.5, "<think>7+5=12</think><answer>12</answer>" scores
    1.5. If any reward cannot say, the whole score is UNGRADABLE: a sum without one of its parts is another reward.
    """
    first, value = Judgement.of(Verdict.UNGRADABLE), 0.0
    values: dict[str, float] = {}
    for part in parts:
        try:
            judgement = part(answer, first.verdict)
            first = first if values else _first(judgement)
            values[part.name] = _value(judgement)
        except (KeyboardInterrupt, SystemExit):  # the process is asked to stop
            raise
        except BaseException as error:  # noqa: BLE001 - any other failure of a reward is data; timeouts are BaseException
            return ungradable(f"{part.name}: {_describe(error)}")
        value += part.weight * values[part.name]
    return Score(value=value, parts=values, verdict=first.verdict, detail=first.detail[:LONGEST_REASON])


def ungradable(detail: str) -> Score:
    """The score of an answer that nobody can judge, and why."""
    return Score(value=0.0, parts={}, verdict=Verdict.UNGRADABLE, detail=detail[:LONGEST_REASON])


class CannotGrade(Exception):
    """A reward's own word that it cannot judge an answer."""


def _first(judgement: object) -> Judgement:
    if isinstance(judgement, Verdict):
        return Judgement.of(judgement)
    if not isinstance(judgement, Judgement):
        raise TypeError(f"returned {judgement!r}, but the first reward must return a Verdict or a Judgement")
    return judgement


def _value(judgement: object) -> float:
    """A judgement as a number: what it is worth, or the number that it is."""
    if isinstance(judgement, Verdict):
        judgement = Judgement.of(judgement)
    if isinstance(judgement, Judgement):
        if judgement.verdict is Verdict.UNGRADABLE:
            raise CannotGrade(judgement.detail or "it gives no reason")
        judgement = judgement.value
    if not isinstance(judgement, Real) or not math.isfinite(judgement):
        raise TypeError(f"returned {judgement!r}, which is neither a Judgement, a Verdict nor a finite number")
    return float(judgement)


def _describe(error: BaseException) -> str:
    return str(error) if isinstance(error, CannotGrade) else f"{type(error).__name__}: {error}"


def _builtin() -> list[str]:
    return [file.stem for file in BUILTIN.glob("[!_]*.py")]


def _unresolved(fn: str, why: str, instead: str) -> UserError:
    return UserError(f"there is no reward `{fn}`", why, f"write module:function or path/to/file.py:function; {instead}")


def _load(path: Path) -> ModuleType:
    if path.parent == BUILTIN:
        return importlib.import_module(f"r1rl.rewards.{path.stem}")
    name = f"r1rl_reward_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
