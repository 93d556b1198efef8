"""Intervals cover what they claim, by simulation, and do not collapse where the plain ones do."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.stats import binomtest

from bench.coverage import coverage
from r1rl.evaluation.estimates import Tally
from r1rl.evaluation.intervals import Interval, over_problems, sampling, sampling_variance, wilson

REPEATS = 400


def tallies(right_P, k):
    return [Tally(right=int(c), graded=k, ungradable=0) for c in right_P]


def aime_like(rng, n):
    """Per-problem chances as a 1.5B model has them on AIME: mean .29, sd .31, many near 0."""
    return rng.beta(0.35, 0.85, n)


def covered(found, truth):
    return np.mean([interval.low <= truth <= interval.high for interval in found])


@pytest.mark.parametrize(
    ("n", "k", "a", "b"), [(30, 4, 0.35, 0.85), (30, 64, 0.1, 0.5), (83, 4, 0.6, 0.6), (100, 16, 0.3, 5)]
)
def test_both_intervals_cover_what_they_claim(n, k, a, b):
    found = coverage(n, k, a, b)  # of 2,000 suites
    assert 0.93 <= found.over_problems <= 0.97
    assert 0.93 <= found.sampling <= 0.97


def test_one_sample_covers_at_least_what_it_claims():
    found = coverage(30, 1, 0.35, 0.85)
    assert 0.93 <= found.over_problems <= 0.97
    assert found.sampling >= 0.97  # by far: it cannot know how much of the spread is between problems


@pytest.mark.parametrize("k", [16, 64])
def test_sampling_is_not_wider_than_it_has_to_be(k):
    rng = np.random.default_rng(k)
    chances = aime_like(rng, 30)
    found = [sampling(tallies(rng.binomial(k, chances), k)) for _ in range(REPEATS)]
    exact = 2 * 1.96 * sqrt((chances * (1 - chances)).sum() / k) / 30
    assert np.mean([i.width for i in found]) == pytest.approx(exact, rel=0.12)


@pytest.mark.parametrize("chance", [0.001, 0.02, 0.98])
def test_sampling_covers_near_the_ends(chance):
    rng = np.random.default_rng(0)
    found = [sampling(tallies(rng.binomial(2, chance, 30), 2)) for _ in range(REPEATS)]
    assert covered(found, chance) >= 0.92


def test_over_problems_covers_where_the_plain_interval_does_not():
    rng = np.random.default_rng(1)
    shares = [rng.binomial(1, 0.03, 30).astype(float) for _ in range(REPEATS)]
    plain = [Interval(low=v.mean() - (h := 1.96 * v.std(ddof=1) / sqrt(30)), high=v.mean() + h) for v in shares]
    assert covered(plain, 0.03) < 0.7
    assert covered([over_problems(v) for v in shares], 0.03) >= 0.93


def test_one_sample_on_thirty_problems_says_little():
    nine = [1.0] * 9 + [0.0] * 21
    assert over_problems(nine).width > 0.3
    found = sampling(tallies(nine, 1))
    assert found.low < 0.20
    assert found.high > 0.45


def test_the_sizes_of_known_suites():
    """Per-problem sd .33 at 28.9 on 30 problems and .30 at 83.9 on 500: points of one standard error."""
    for mean, sd, n, k, expected in (
        (0.289, 0.33, 30, 64, 0.71),
        (0.289, 0.33, 30, 4, 2.8),
        (0.839, 0.30, 500, 4, 0.47),
    ):
        scale = mean * (1 - mean) / sd**2 - 1
        rng = np.random.default_rng(0)
        chances = rng.beta(mean * scale, (1 - mean) * scale, n)
        variances = [sampling_variance(tallies(rng.binomial(k, chances), k)) for _ in range(50)]
        assert 100 * sqrt(np.mean(variances)) == pytest.approx(expected, rel=0.2)


def test_the_variance_is_that_of_repeated_sampling():
    rng = np.random.default_rng(3)
    chances = aime_like(rng, 30)
    right = rng.binomial(16, chances, (4000, 30))
    real = (right / 16).mean(axis=1).var()
    assert np.mean([sampling_variance(tallies(row, 16)) for row in right[:300]]) == pytest.approx(real, rel=0.1)


def test_more_samples_narrow_sampling_only():
    few, many = tallies([1, 2, 3, 0] * 8, 4), tallies([16, 32, 48, 0] * 8, 64)
    assert sampling(many).width < sampling(few).width / 3
    assert over_problems([t.share for t in many]).width == over_problems([t.share for t in few]).width


def test_one_coin_per_problem_is_the_binomial_interval():
    found = sampling(tallies([1] * 7 + [0] * 43, 1))
    exact = binomtest(7, 50).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high))
    assert wilson(7 / 50, 50, 1.959963985) == Interval(low=pytest.approx(exact.low), high=pytest.approx(exact.high))


@pytest.mark.parametrize("right", [0, 4])
def test_all_wrong_and_all_right_are_not_certain(right):
    suite = tallies([right] * 30, 4)
    assert 0.01 < sampling(suite).width < 0.05  # 3 of 120
    assert 0.1 < over_problems([t.share for t in suite]).width < 0.15  # 3 of 30, a little more


def test_alike_by_luck_is_not_without_noise():
    assert sampling(tallies([2] * 15 + [0] * 15, 2)).width > 0.02


def test_ungradable_samples_widen():
    full = [Tally(right=2, graded=4, ungradable=0)] * 30
    short = [Tally(right=1, graded=2, ungradable=2)] * 30
    assert sampling(short).width > sampling(full).width
    mixed = [*full[:29], Tally(right=1, graded=1, ungradable=3), Tally(right=0, graded=0, ungradable=4)]
    assert sampling(mixed).width > sampling(full).width


def test_nothing_to_say():
    assert sampling([Tally(right=0, graded=0, ungradable=4)]) is None
    assert over_problems([0.5]) is None
    assert over_problems([]) is None
