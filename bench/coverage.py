"""How often the 95% intervals of an evaluation hold the truth, in simulated suites: python bench/coverage.py

Problems' difficulties come from a Beta distribution. "Over problems": every suite draws new problems, the truth is the
Beta's mean; "plain" is the mean ± 1.96 standard errors of the same suites. "Sampling only": the problems stay, the
truth is their own mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from r1rl.evaluation.estimates import Tally
from r1rl.evaluation.intervals import Interval, over_problems, sampling

SUITES = 2_000  # the standard error of a coverage of 95% is 0.5 points
DESIGNS = (  # (problems, a, b): what a suite looks like to a model
    (30, 0.35, 0.85),  # AIME to a 1.5B model: 29% right, most problems hopeless or easy
    (30, 0.1, 0.5),
    (30, 2.0, 0.4),
    (30, 0.05, 2.0),  # nearly all problems hopeless
    (83, 0.6, 0.6),
    (100, 0.3, 5.0),
    (500, 1.26, 0.24),  # MATH-500 to a 1.5B model: 84% right
)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Shares of simulated suites whose interval holds the truth.

    >>> Coverage(over_problems=0.951, plain=0.907, sampling=0.957).sampling
    0.957
    """

    over_problems: float
    plain: float
    sampling: float


def coverage(n: int, k: int, a: float, b: float, suites: int = SUITES) -> Coverage:
    """Of n problems with k samples each, difficulties from Beta(a, b). The same every time."""
    rng = np.random.default_rng(0)
    same_P = rng.beta(a, b, n)
    shares = [rng.binomial(k, rng.beta(a, b, n)) / k for _ in range(suites)]
    again = [sampling(_tallies(rng.binomial(k, same_P), k)) for _ in range(suites)]
    truth = a / (a + b)
    return Coverage(
        over_problems=_share([over_problems(share_P.tolist()) for share_P in shares], truth),
        plain=_share([_plain(share_P) for share_P in shares], truth),
        sampling=_share(again, float(same_P.mean())),
    )


def _plain(share_P: np.ndarray) -> Interval:
    half = 1.96 * float(share_P.std(ddof=1)) / len(share_P) ** 0.5
    return Interval(low=float(share_P.mean()) - half, high=float(share_P.mean()) + half)


def _tallies(right_P: np.ndarray, k: int) -> list[Tally]:
    return [Tally(right=int(right), graded=k, ungradable=0) for right in right_P]


def _share(found: list[Interval | None], truth: float) -> float:
    return float(np.mean([i is not None and i.low <= truth <= i.high for i in found]))


if __name__ == "__main__":
    print("| problems, k | Beta (mean) | over problems | plain | sampling only |\n| --- | --- | --- | --- | --- |")
    for n, a, b in DESIGNS:
        for k in (1, 4, 16, 64) if n <= 100 else (1, 4):
            found = coverage(n, k, a, b)
            numbers = (f"{100 * share:.1f}" for share in (found.over_problems, found.plain, found.sampling))
            print(f"| {n}, {k} | {a:g}, {b:g} ({100 * a / (a + b):.0f}%) | {' | '.join(numbers)} |")
