"""Advantages: how much better a sample was than its group. Pure functions of rewards, no torch.

`mask_G` is true for a sample that counts. One that could not be graded is false: its reward is never read, it takes no
part in mean and spread, and its advantage is 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def grpo(rewards_G: Sequence[float], mask_G: Sequence[bool]) -> list[float]:
    """Rewards in standard deviations above the group's mean (DeepSeekMath, arXiv 2402.03300, sec. 4.1.2).

    The deviation is the population's (divided by n, as numpy's default), so graded advantages have mean square 1.
    The customary epsilon under the fraction is missing on purpose: it guards against a spread of zero, and a group
    without spread teaches nothing and gets zeros here, while elsewhere an epsilon would bias small spreads.

    >>> grpo([2.0, 1.0, 0.0, 1.0], [True, True, True, True])
    [1.414213562373095, 0.0, -1.414213562373095, 0.0]
    >>> grpo([1.0, 0.0, 9.0], [True, True, False])
    [1.0, -1.0, 0.0]
    """
    if is_flat(rewards_G, mask_G):
        return [0.0] * len(rewards_G)
    graded = _graded(rewards_G, mask_G)
    mean = sum(graded) / len(graded)
    std = math.sqrt(sum((reward - mean) ** 2 for reward in graded) / len(graded))
    return [(reward - mean) / std if counts else 0.0 for reward, counts in zip(rewards_G, mask_G, strict=True)]


def ones(rewards_G: Sequence[float], mask_G: Sequence[bool]) -> list[float]:
    """Every sample that counts is worth 1: the policy gradient of that is the gradient of cross-entropy.

    >>> ones([0.0, 0.0], [True, False])
    [1.0, 0.0]
    """
    return [1.0 if counts else 0.0 for _, counts in zip(rewards_G, mask_G, strict=True)]


def is_flat(rewards_G: Sequence[float], mask_G: Sequence[bool]) -> bool:
    """Whether the graded rewards are all equal, or fewer than two: nothing can be learned from comparing them.

    Equal up to rounding: 0.1 + 0.2 and 0.3 are one reward, and dividing by their spread of 6e-17 would blow it up to 1.

    >>> is_flat([1.0, 1.0, 0.0], [True, True, False]), is_flat([1.0, 0.0], [True, True])
    (True, False)
    """
    graded = _graded(rewards_G, mask_G)
    return len(graded) < 2 or math.isclose(min(graded), max(graded), rel_tol=1e-9, abs_tol=1e-12)


def _graded(rewards_G: Sequence[float], mask_G: Sequence[bool]) -> list[float]:
    return [reward for reward, counts in zip(rewards_G, mask_G, strict=True) if counts]
