"""Problems that nobody can solve, to see whether anybody is paid for them.

A canary is the question of one problem with the gold answer of another. Its answers are measured and never trained on;
when one of them is judged right, the policy has learnt something about the judge. The warning comes at a time when the
reward curve still looks like progress.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from r1rl.types import Problem, ProblemSource, ScoredGroup

MARK = "canary"
LOOKED_AT = 100  # problems, until one has another gold answer


def problem(source: ProblemSource, ordinal: int) -> Problem:
    """The training problem at a place, with the gold answer and tests of the next one that has others.

    Raises ValueError if there is none nearby.
    """
    own = source.problem("train", ordinal)
    for after in range(1, LOOKED_AT):
        other = source.problem("train", ordinal + after)
        if (other.gold, other.meta.get("tests")) != (own.gold, own.meta.get("tests")):
            return replace(own, id=f"{own.id}/{MARK}", gold=other.gold, meta={**other.meta, MARK: True})
    raise ValueError(f"{own.id}: {LOOKED_AT} problems in a row have the same answer: there can be no canaries")


def split(scored: Sequence[ScoredGroup]) -> tuple[list[ScoredGroup], list[ScoredGroup]]:
    """Groups of honest problems, and of canaries."""
    honest = [group for group in scored if not group.group.problem.meta.get(MARK)]
    return honest, [group for group in scored if group.group.problem.meta.get(MARK)]
