"""Advantages against the slow, obvious numpy version, and the algorithms that carry them."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl import advantage, algorithm, algorithms, nearest
from r1rl.algorithm import SFT

quarters = st.integers(-4000, 4000).map(lambda n: n / 4)  # exact in binary, so that equal means equal
samples = st.tuples(quarters, st.booleans())
groups = st.lists(samples, max_size=16).map(lambda pairs: ([r for r, _ in pairs], [counts for _, counts in pairs]))


FUNCTIONS = [
    advantage.standardised,
    advantage.centred,
    advantage.leave_one_out,
    advantage.batch_standardised,
    advantage.ones,
]


def standardised(rewards_G, mask_G):
    (advantages_G,) = advantage.standardised([rewards_G], [mask_G])
    return advantages_G


def obvious(rewards_G, mask_G):
    rewards, mask = np.array(rewards_G, dtype=float), np.array(mask_G, dtype=bool)
    graded = rewards[mask]
    if len(graded) < 2 or graded.min() == graded.max():
        return np.zeros(len(rewards))
    return np.where(mask, (rewards - graded.mean()) / graded.std(), 0.0)


@given(groups)
def test_standardised_agrees_with_the_formula(group):
    rewards_G, mask_G = group
    assert standardised(rewards_G, mask_G) == pytest.approx(obvious(rewards_G, mask_G), abs=1e-9)


@given(groups)
def test_standardised_is_centred_with_mean_square_one_or_flat(group):
    rewards_G, mask_G = group
    advantages_G = standardised(rewards_G, mask_G)
    assert sum(advantages_G) == pytest.approx(0, abs=1e-9)
    flat = advantage.is_flat(rewards_G, mask_G)
    assert sum(a * a for a in advantages_G) == pytest.approx(0 if flat else sum(mask_G))


@given(groups, st.sampled_from([0.5, 2.0, 64.0]), quarters)
def test_standardised_ignores_scale_and_shift(group, scale, shift):
    rewards_G, mask_G = group
    moved_G = [scale * reward + shift for reward in rewards_G]
    assert standardised(moved_G, mask_G) == pytest.approx(standardised(rewards_G, mask_G), abs=1e-6)


@given(groups, st.sampled_from([math.nan, math.inf, 1e9]))
def test_what_could_not_be_graded_is_never_read(group, rubbish):
    rewards_G, mask_G = group
    spoilt_G = [reward if counts else rubbish for reward, counts in zip(rewards_G, mask_G, strict=True)]
    for function in FUNCTIONS:
        assert function([spoilt_G], [mask_G]) == function([rewards_G], [mask_G])
    assert advantage.is_flat(spoilt_G, mask_G) == advantage.is_flat(rewards_G, mask_G)


@pytest.mark.parametrize(
    ("rewards_G", "mask_G"),
    [
        ([], []),
        ([1.0], [True]),
        ([1.0, 0.0], [True, False]),
        ([1.0, 0.0], [False, False]),
        ([0.1 + 0.2, 0.3], [True, True]),  # differ by rounding only
        ([0.1 + 0.2 - 0.3, 0.0], [True, True]),
    ],
)
def test_a_flat_group_teaches_nothing(rewards_G, mask_G):
    assert advantage.is_flat(rewards_G, mask_G)
    assert standardised(rewards_G, mask_G) == [0.0] * len(rewards_G)


def test_a_small_but_real_spread_is_not_flat():
    assert standardised([1.0, 1.0 + 1e-6], [True, True]) == pytest.approx([-1.0, 1.0])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_mask_of_another_shape_is_a_bug(function):
    with pytest.raises(ValueError, match="zip"):
        function([[1.0, 0.0, 2.0]], [[True, True]])
    with pytest.raises(ValueError, match="zip"):
        function([[1.0, 0.0]], [[True, True], [True, True]])


def test_sft_is_cross_entropy_and_not_for_recipes():
    assert SFT.advantage([[0.0, 5.0, 0.0]], [[True, True, False]]) == [[1.0, 1.0, 0.0]]
    assert (SFT.kl, 1 - SFT.clip_low, SFT.clip_high) == (0.0, 0.0, math.inf)


def test_a_long_list_of_names_is_cut():
    assert nearest.did_you_mean("zzz", [f"n{i:02}" for i in range(30)]).endswith("n19, ...")
    assert nearest.did_you_mean("zzz", []) == "known: none"


@pytest.mark.parametrize("module", [advantage, algorithm, algorithms, nearest])
def test_worked_examples(module):
    assert doctest.testmod(module).failed == 0
