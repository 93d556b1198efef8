"""avg@k and pass@k of a suite, from how often each problem was answered right.

A sample that nobody could grade is left out of both, never a 0: its problem is judged by its other samples. A problem
with no graded sample at all is left out of the suite's mean, and how many were is reported beside the number.
pass@k is the unbiased estimator of Chen et al. 2021, arXiv:2107.03374 (human-eval).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import comb
from typing import Protocol

from r1rl.types import Verdict


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often one problem was answered right.

    >>> Tally(right=3, graded=4, ungradable=1).share
    0.75
    """

    right: int
    graded: int
    ungradable: int

    @property
    def share(self) -> float:
        """The problem's own pass@1; it has one only if something was graded."""
        return self.right / self.graded


class Judged(Protocol):
    """What a tally needs of an attempt."""

    @property
    def id(self) -> str: ...

    @property
    def verdict(self) -> Verdict: ...


def tallies(attempts: Iterable[Judged]) -> dict[str, Tally]:
    """One tally for each problem, by its id, in the order of their first attempts. NO_ANSWER counts as wrong."""
    counts: dict[str, list[int]] = {}
    for attempt in attempts:
        count = counts.setdefault(attempt.id, [0, 0, 0])
        count[0] += attempt.verdict is Verdict.CORRECT
        count[1] += attempt.verdict is not Verdict.UNGRADABLE
        count[2] += attempt.verdict is Verdict.UNGRADABLE
    return {name: Tally(right=r, graded=g, ungradable=u) for name, (r, g, u) in counts.items()}


def graded(suite: Mapping[str, Tally]) -> dict[str, Tally]:
    """Those of which at least one sample could be graded."""
    return {name: tally for name, tally in suite.items() if tally.graded}


def average(suite: Iterable[Tally]) -> float | None:
    """avg@k, which is also the estimate of pass@1: the mean over problems of their share of right answers, in 0 … 1.

    Every problem weighs the same, however many of its samples could be graded. None if no problem has a graded sample.

    >>> average([Tally(right=1, graded=1, ungradable=3), Tally(right=0, graded=4, ungradable=0)])
    0.5
    """
    return mean([tally.share for tally in suite if tally.graded])


def pass_at(tally: Tally, k: int) -> float:
    """The chance that k samples drawn without replacement hold a right one: 1 - C(n-c, k) / C(n, k).

    With fewer than k graded samples it is that of all of them: a slight underestimate, where leaving the problem out
    would bias the suite by what makes answers ungradable.

    >>> pass_at(Tally(right=1, graded=4, ungradable=0), 2)
    0.5
    """
    k = min(k, tally.graded)
    return 1 - comb(tally.graded - tally.right, k) / comb(tally.graded, k)


def bounds(suite: Iterable[Tally]) -> tuple[float, float]:
    """avg@k if every ungradable sample were wrong, and if every one were right: what grading could change at most."""
    counted = list(suite)
    low = mean([t.right / (t.graded + t.ungradable) for t in counted])
    high = mean([(t.right + t.ungradable) / (t.graded + t.ungradable) for t in counted])
    return low or 0.0, high or 0.0


def sizes(k: int) -> list[int]:
    """Powers of two below k, and k: where pass@k and maj@k are reported.

    >>> sizes(12)
    [1, 2, 4, 8, 12]
    """
    return [2**i for i in range((k - 1).bit_length())] + [k]


def mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
