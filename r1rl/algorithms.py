"""Algorithms as values: an advantage function and the numbers of the loss. A new one is a new value below.

The loss these numbers go into (DeepSeekMath, arXiv 2402.03300, sec. 4.1, eq. 3 and 4), per token and to be maximised:
min(ratio * A, clip(ratio, 1 - clip_low, 1 + clip_high) * A) - kl * (ref / new - log(ref / new) - 1)
with ratio = new / old and the last factor the k3 estimator of KL(new || ref).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from r1rl import advantage
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean

AdvantageFn = Callable[[Sequence[float], Sequence[bool]], list[float]]
"""(rewards_G, mask_G) -> advantages_G; the mask is true for a sample that counts."""


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One way to turn rewards into a gradient.

    >>> GRPO.advantage([1.0, 0.0], [True, True]), GRPO.kl
    ([1.0, -1.0], 0.001)
    """

    name: str
    advantage: AdvantageFn
    clip_low: float  # the probability ratio is clipped below 1 - clip_low
    clip_high: float  # and above 1 + clip_high
    kl: float  # coefficient of the KL to the reference; 0: no reference is kept
    reference_every: int  # optimizer updates between refreshes of the reference; 0: never
    group_relative: bool  # whether a sample's advantage depends on the rest of its group
    ratio_to: str = "sampler"  # whose log-probs the ratio divides by: the "sampler"'s, or the policy's "own" (ratio 1)


def get(name: str) -> Algorithm:
    """The algorithm a recipe names. Raises UserError with the nearest name."""
    if name not in ALGORITHMS:
        raise UserError(
            f"there is no algorithm `{name}`",
            "the name picks the advantage and the numbers of the loss",
            did_you_mean(name, ALGORITHMS),
        )
    return ALGORITHMS[name]


GRPO = Algorithm(
    name="grpo",  # DeepSeekMath; kl and reference_every as DeepSeek-R1 trained R1-Zero (arXiv 2501.12948)
    advantage=advantage.grpo,
    clip_low=0.2,  # PPO's (arXiv 1707.06347)
    clip_high=0.2,
    kl=0.001,
    reference_every=400,
    group_relative=True,
)

SFT = Algorithm(
    name="sft",  # the supervised warm-up: with ratio 1 and advantage 1 the gradient is that of cross-entropy
    ratio_to="own",
    advantage=advantage.ones,
    clip_low=1.0,
    clip_high=math.inf,
    kl=0.0,
    reference_every=0,
    group_relative=False,
)

# What a recipe may name. SFT is not among them: it needs worked answers, which rollouts are not.
ALGORITHMS = {algorithm.name: algorithm for algorithm in (GRPO,)}
