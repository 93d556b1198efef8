"""What an algorithm is: an advantage and the numbers of one loss, as a value. The bundles are in `r1rl.algorithms`.

The loss, per token and to be maximised:
    correction * surrogate(ratio, A) - kl * KL(new || reference) + entropy * H
averaged over the tokens as `aggregation` says. `r1rl.loss` computes it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from r1rl import advantage
from r1rl.correction import NONE, PRESETS, Correction

AdvantageFn = Callable[[Sequence[Sequence[float]], Sequence[Sequence[bool]]], list[list[float]]]
"""(rewards_PG, mask_PG) -> advantages_PG of a whole step; the mask is true for a sample that counts."""

Aggregation = Literal["token", "sequence", "constant"]
"""token: every token of the update weighs the same. sequence: every sequence does, and its tokens share its weight.
constant: every token weighs 1 / (sequences * longest completion allowed), whatever the lengths are."""


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """One way to turn rewards into a gradient.

    >>> SFT.advantage([[1.0, 0.0]], [[True, True]]), SFT.needs_old
    ([[1.0, 1.0]], False)
    """

    name: str
    advantage: AdvantageFn
    clip_low: float = 0.2  # the probability ratio is clipped below 1 - clip_low; PPO's number (arXiv 1707.06347)
    clip_high: float = 0.2  # and above 1 + clip_high
    surrogate: Literal["clip", "cispo"] = "clip"  # which gradient the clip leaves
    ratio: Literal["token", "sequence"] = "token"  # sequence: its geometric mean over the tokens, at each of them
    ratio_to: Literal["old", "sampler", "own"] = "old"  # own: always 1
    aggregation: Aggregation = "token"
    kl: float = 0.0  # coefficient of the KL to the reference; 0: no reference is kept
    kl_estimate: Literal["k2", "k3", "unbiased"] = "k3"
    reference_every: int = 0  # optimizer updates between refreshes of the reference; 0: never
    correction: Correction = PRESETS["token_tis"]
    off_policy_delta: float = math.inf  # nats per token from the sampler beyond which a bad sequence is dropped
    entropy: float = 0.0  # coefficient of the entropy bonus
    kl_cov: float = 0.0  # share of tokens, those of highest covariance, that a KL holds at their old probability
    sampling_rounds: int = 1  # rounds of further problems, at most, until every group of the step is informative
    group_relative: bool = True  # whether a sample's advantage depends on the rest of its group

    @property
    def needs_old(self) -> bool:
        """Whether the loss reads the learner's own log-probs from before the rollout's first update."""
        return self.ratio_to == "old" or self.correction != NONE or self.kl_cov > 0

    @property
    def entropy_gradient(self) -> bool:
        """Whether the entropy of the policy takes part in the gradient."""
        return self.entropy > 0


SFT = Algorithm(
    name="sft",  # supervised: with ratio 1 and advantage 1 the gradient is that of cross-entropy
    advantage=advantage.ones,
    clip_low=1.0,
    clip_high=math.inf,
    ratio_to="own",
    correction=NONE,
    group_relative=False,
)
"""Not among the bundles: it needs worked answers, which rollouts are not."""
