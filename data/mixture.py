"""Several sources in turn: what reinforcement learning over all domains trains on.

Options: `NAME: share` for each source, whole numbers; `NAME.option: value` for its own options; `NAME.judge:
module:function` where its set does not say how its answers are judged. With `addition: 2, countdown: 1` every third
problem is countdown's. The reward `by_source:correct` judges each problem as its source says.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from r1rl.types import Problem, ProblemSource


def source(*, seed: int, **options: bool | int | float | str) -> ProblemSource:
    """The sources that the options name, in turn."""
    shares = {name: share for name, share in options.items() if "." not in name}
    own: dict[str, dict[str, Any]] = {name: {} for name in shares}
    for key, value in options.items():
        name, dot, option = key.partition(".")
        if name not in own:
            raise ValueError(f"mixture: {key} is an option of {name}, which has no share; write {name}: 1")
        if dot:
            own[name][option] = value
    if not shares or not all(isinstance(share, int) and 1 <= share <= 100 for share in shares.values()):
        raise ValueError(f"mixture: shares are whole numbers from 1 to 100, not {shares}")
    return Mixture(parts=tuple(_part(name, int(share), seed, own[name]) for name, share in shares.items()))


@dataclass(frozen=True, kw_only=True)
class Part:
    """One source of a mixture."""

    name: str
    share: int
    judge: str  # of its answers
    source: ProblemSource


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """See `source`.

    >>> m = source(seed=0, addition=2, **{"addition.judge": "number:correct"})
    >>> m.problem("train", 5).id, m.problem("train", 5).meta["judge"]
    ('addition3/train/0/5', 'number:correct')
    """

    parts: tuple[Part, ...]

    def problem(self, split: str, ordinal: int) -> Problem:
        part, place = self._place(ordinal)
        found = part.source.problem(split, place)
        return replace(found, meta={**found.meta, "source": part.name, "judge": part.judge})

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        part, place = self._place(ordinal)
        return self.problem("train", ordinal), part.source.worked(place)[1]

    def _place(self, ordinal: int) -> tuple[Part, int]:
        """The source whose turn it is, and its own ordinal."""
        turn, place = divmod(ordinal, sum(part.share for part in self.parts))
        for part in self.parts:
            if place < part.share:
                return part, turn * part.share + place
            place -= part.share
        raise AssertionError("the shares add up")


def _part(name: str, share: int, seed: int, options: Mapping[str, Any]) -> Part:
    try:
        module = importlib.import_module(f"{__package__}.{name}")
        make = module.source
    except (ImportError, AttributeError):
        raise ValueError(f"mixture: there is no source {name} to train on") from None
    corpus = getattr(module, "CORPUS", None)
    judge = options.get("judge") or (corpus and corpus.reward)
    if not isinstance(judge, str) or ":" not in judge:
        raise ValueError(f"mixture: nobody knows how to judge {name}; write {name}.judge: module:function")
    own = {key: value for key, value in options.items() if key != "judge"}
    return Part(name=name, share=share, judge=judge, source=make(seed=seed, **own))
