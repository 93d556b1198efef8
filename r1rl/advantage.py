"""Advantages: how much better a sample was than others. Pure functions of a step's rewards, no torch.

`mask_PG` is true for a sample that counts. One that could not be graded is false: its reward is never read, it takes no
part in mean and spread, and its advantage is 0. A flat group has advantages of 0: comparing it teaches nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rewards = Sequence[Sequence[float]]
Mask = Sequence[Sequence[bool]]


def standardised(rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Rewards in standard deviations above the group's mean (DeepSeekMath, arXiv 2402.03300, sec. 4.1.2).

    The deviation is the population's (divided by n, as numpy's default), so graded advantages have mean square 1.
    The customary epsilon under the fraction is missing on purpose: it guards against a spread of zero, and a group
    without spread gets zeros here, while elsewhere an epsilon would bias small spreads.

    >>> standardised([[2.0, 1.0, 0.0, 1.0], [1.0, 0.0, 9.0]], [[True] * 4, [True, True, False]])
    [[1.414213562373095, 0.0, -1.414213562373095, 0.0], [1.0, -1.0, 0.0]]
    """
    return _by_group(_standardised, rewards_PG, mask_PG)


def centred(rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Rewards minus the group's mean: no division, so groups of small spread do not count as much as those of large
    (Dr. GRPO, arXiv 2503.20783, sec. 3.2).

    >>> centred([[2.0, 1.0, 0.0, 1.0]], [[True] * 4])
    [[1.0, 0.0, -1.0, 0.0]]
    """
    return _by_group(_centred, rewards_PG, mask_PG)


def leave_one_out(rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Rewards minus the mean of the others in the group (RLOO, arXiv 2402.14740).

    It is `centred` times G / (G - 1), with G the samples that count.

    >>> leave_one_out([[1.0, 0.0, 0.5]], [[True] * 3])
    [[0.75, -0.75, 0.0]]
    """
    return _by_group(_leave_one_out, rewards_PG, mask_PG)


def batch_standardised(rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Rewards minus the group's mean, in standard deviations of these differences over the whole step.

    REINFORCE++ with baseline (arXiv 2501.03262v9): a group of small spread is not blown up.

    >>> batch_standardised([[1.0, 0.0], [7.0, 7.0]], [[True] * 2] * 2)
    [[1.414213562373095, -1.414213562373095], [0.0, 0.0]]
    """
    centred_PG = centred(rewards_PG, mask_PG)
    counted = [
        value
        for values_G, mask_G in zip(centred_PG, mask_PG, strict=True)
        for value, counts in zip(values_G, mask_G, strict=True)
        if counts
    ]
    std = math.sqrt(sum(value * value for value in counted) / max(1, len(counted)))
    return [[value / std if std else 0.0 for value in values_G] for values_G in centred_PG]


def ones(rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Every sample that counts is worth 1: the policy gradient of that is the gradient of cross-entropy.

    >>> ones([[0.0, 0.0]], [[True, False]])
    [[1.0, 0.0]]
    """
    return [
        [1.0 if counts else 0.0 for _, counts in zip(rewards_G, mask_G, strict=True)]
        for rewards_G, mask_G in zip(rewards_PG, mask_PG, strict=True)
    ]


def is_flat(rewards_G: Sequence[float], mask_G: Sequence[bool]) -> bool:
    """Whether the graded rewards are all equal, or fewer than two: nothing can be learned from comparing them.

    Equal up to rounding: 0.1 + 0.2 and 0.3 are one reward, and dividing by their spread of 6e-17 would blow it up to 1.

    >>> is_flat([1.0, 1.0, 0.0], [True, True, False]), is_flat([1.0, 0.0], [True, True])
    (True, False)
    """
    graded = [reward for reward, counts in zip(rewards_G, mask_G, strict=True) if counts]
    return len(graded) < 2 or math.isclose(min(graded), max(graded), rel_tol=1e-9, abs_tol=1e-12)


def _by_group(of_graded: Callable[[list[float]], list[float]], rewards_PG: Rewards, mask_PG: Mask) -> list[list[float]]:
    """Applies a function of graded rewards to each group that is not flat, and spreads it over the group."""
    return [_spread(of_graded, rewards_G, mask_G) for rewards_G, mask_G in zip(rewards_PG, mask_PG, strict=True)]


def _spread(
    of_graded: Callable[[list[float]], list[float]], rewards_G: Sequence[float], mask_G: Sequence[bool]
) -> list[float]:
    if is_flat(rewards_G, mask_G):
        return [0.0] * len(rewards_G)
    values = iter(of_graded([reward for reward, counts in zip(rewards_G, mask_G, strict=True) if counts]))
    return [next(values) if counts else 0.0 for counts in mask_G]


def _centred(rewards: list[float]) -> list[float]:
    mean = sum(rewards) / len(rewards)
    return [reward - mean for reward in rewards]


def _standardised(rewards: list[float]) -> list[float]:
    centred = _centred(rewards)
    std = math.sqrt(sum(value * value for value in centred) / len(centred))
    return [value / std for value in centred]


def _leave_one_out(rewards: list[float]) -> list[float]:
    return [value * len(rewards) / (len(rewards) - 1) for value in _centred(rewards)]
