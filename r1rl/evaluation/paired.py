"""Two evaluations of the same problems: how much better is one, and could it be chance?

Problem by problem the two runs share what makes a problem hard, so the interval of their difference is narrower than
their own intervals suggest (Miller, arXiv:2411.00640): two overlapping intervals prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from r1rl.errors import UserError
from r1rl.evaluation.comparable import Evaluation, notes, refuse_incomparable
from r1rl.evaluation.estimates import Tally, average
from r1rl.evaluation.intervals import LEVEL, Interval, normal_quantile, sampling_variance

RESAMPLES = 9_999
SIGNIFICANT = 1 - LEVEL


@dataclass(frozen=True, kw_only=True)
class Difference:
    """B minus A on one suite, in shares (0.03 is 3 points).

    >>> Difference(
    ...     suite="math500", a="a", b="b", problems=500, left_out=0, average_a=0.80, average_b=0.831, difference=0.031,
    ...     over_problems=Interval(low=0.004, high=0.059), sampling=None, better=41, worse=25, mcnemar=None, notes=(),
    ... ).sentence()
    'math500: b is better by 3.1 points, 95% CI 0.4 to 5.9'
    """

    suite: str
    a: str
    b: str
    problems: int  # with something graded in both runs: what the numbers here are over
    left_out: int
    average_a: float
    average_b: float
    difference: float
    over_problems: Interval | None  # None: it cannot be estimated, the runs differ by the same on every problem
    sampling: Interval | None  # on these very problems; None for greedy runs, which have no such noise
    better: int  # problems that b answers right more often
    worse: int
    mcnemar: float | None  # two-sided p of the exact test; for one sample per problem only
    notes: tuple[str, ...]  # what else differs between the runs

    @property
    def clear(self) -> bool:
        """Is the difference more than chance? Where there are two tests, both have to say so.

        Without an interval it is the sign test, which is McNemar's of wins and losses.
        """
        interval = self.over_problems
        if interval is None:
            return mcnemar(self.better, self.worse) < SIGNIFICANT
        outside = interval.low > 0 or interval.high < 0
        return outside and (self.mcnemar is None or self.mcnemar < SIGNIFICANT)

    def sentence(self) -> str:
        """The finding in words, in points."""
        ahead, behind, sign = (self.b, self.a, 1) if self.difference >= 0 else (self.a, self.b, -1)
        size, interval = f"{100 * abs(self.difference):.1f} points", _interval(self.over_problems, sign)
        test = "" if self.mcnemar is None else f" (exact McNemar p = {self.mcnemar:.2g})"
        if not self.better and not self.worse:
            return f"{self.suite}: {ahead} and {behind} are equal on every problem"
        if self.clear:
            return f"{self.suite}: {ahead} is better by {size}, {interval}{test}"
        return f"{self.suite}: no clear difference: {ahead} is ahead of {behind} by {size}, {interval}{test}"


def compare_pair(a: Evaluation, b: Evaluation) -> Difference:
    """B minus A. Raises UserError, saying what differs, if the two cannot be compared."""
    refuse_incomparable(a, b)
    both = [name for name, tally in a.suite.items() if tally.graded and b.suite[name].graded]
    if not both:
        raise UserError(f"{a.name} and {b.name} share no graded problem", "there is nothing to compare", "grade them")
    before, after = [a.suite[name] for name in both], [b.suite[name] for name in both]
    gaps = [y.share - x.share for x, y in zip(before, after, strict=True)]
    single = a.results.k == b.results.k == 1
    better, worse = sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)
    return Difference(
        suite=a.results.suite,
        a=a.name,
        b=b.name,
        problems=len(both),
        left_out=len(a.suite) - len(both),
        average_a=average(before) or 0.0,
        average_b=average(after) or 0.0,
        difference=sum(gaps) / len(gaps),
        over_problems=bootstrap(gaps),
        sampling=None if a.results.defined_by.sampling.greedy else _sampling(before, after),
        better=better,
        worse=worse,
        mcnemar=mcnemar(better, worse) if single else None,
        notes=notes(a.results, b.results),
    )


def bootstrap(gaps_P: Sequence[float]) -> Interval | None:
    """95% interval of the mean gap over other problems of the same kind: percentile bootstrap over problems.

    The percentiles are taken further out, as far as Student's t is wider than the normal: the plain ones are too narrow
    by sqrt((n-1)/n) and more (Hesterberg 2015, arXiv:1411.5279). None if all gaps are equal.
    """
    n = len(gaps_P)
    if n < 2 or max(gaps_P) - min(gaps_P) < 1e-12:
        return None
    import numpy as np
    from scipy import stats

    outer = stats.norm.cdf(-sqrt(n / (n - 1)) * stats.t.ppf((1 + LEVEL) / 2, n - 1))
    found = stats.bootstrap(
        (np.asarray(gaps_P),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=1_000,
        confidence_level=1 - 2 * outer,
        method="percentile",
        rng=np.random.default_rng(0),  # the same two files give the same interval
    ).confidence_interval
    return Interval(low=float(found.low), high=float(found.high))


def mcnemar(better: int, worse: int) -> float:
    """Exact two-sided p: were wins and losses flips of a fair coin? Problems both get right or wrong say nothing.

    >>> mcnemar(5, 0)
    0.0625
    """
    if not better + worse:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse, 0.5).pvalue)


def _sampling(a: Sequence[Tally], b: Sequence[Tally]) -> Interval:
    middle = (average(b) or 0.0) - (average(a) or 0.0)
    half = normal_quantile() * sqrt(sampling_variance(a) + sampling_variance(b))
    return Interval(low=max(-1.0, middle - half), high=min(1.0, middle + half))


def _interval(interval: Interval | None, sign: int) -> str:
    if interval is None:
        return "the same on every problem"
    low, high = sorted((100 * sign * interval.low, 100 * sign * interval.high))
    return f"95% CI {low:.1f} to {high:.1f}"
