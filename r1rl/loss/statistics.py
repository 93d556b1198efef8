"""What is counted while the loss is computed: sums over tokens, which add over micro-batches and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from r1rl.loss import kl
from r1rl.loss.tokens import Tokens, Totals
from r1rl.loss.weight import mismatch

LARGEST = "max/"  # keys with this prefix are merged by taking the largest


def statistics(tokens: Tokens, ratio_K: torch.Tensor) -> dict[str, torch.Tensor]:
    """Sums about a micro-batch that are wanted of every algorithm. KLs are k3 estimates, in nats."""
    own_K, old_K, sampler_K = tokens.logprobs_K.detach(), tokens.old_logprobs_K, tokens.sampler_logprobs_K
    gap_K = (old_K - sampler_K).abs()
    return {
        "nll": -own_K.sum(),
        "entropy": tokens.entropy_K.detach().sum(),
        "ratio": ratio_K.sum(),
        "max/ratio": ratio_K.max(),
        "kl_to_old": kl.k3(old_K, own_K).sum(),
        "kl_to_sampler": kl.k3(sampler_K, own_K).sum(),
        "gap": gap_K.sum(),
        "max/gap": gap_K.max(),
    } | _moments(tokens)


def _moments(tokens: Tokens) -> dict[str, torch.Tensor]:
    """First and second moments of w, over tokens and over sequences: what effective sample sizes are made of."""
    token_K, sequence_K = mismatch(tokens, "token"), mismatch(tokens, "sequence")
    return {
        "w": token_K.sum(),
        "w2": (token_K**2).sum(),
        "sequence_w": (sequence_K / tokens.lengths_K).sum(),
        "sequence_w2": (sequence_K**2 / tokens.lengths_K).sum(),
    }


def merge(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The sums of several micro-batches or ranks as one.

    >>> merge([{"nll": 1.0, "max/gap": 0.2}, {"nll": 2.0, "max/gap": 0.1}])
    {'nll': 3.0, 'max/gap': 0.2}
    """
    merged: dict[str, float] = {}
    for part in parts:
        for key, value in part.items():
            old = merged.get(key)
            merged[key] = value if old is None else max(old, value) if key.startswith(LARGEST) else old + value
    return merged


def metrics(sums: Mapping[str, float], totals: Totals) -> dict[str, float]:
    """The metrics of one optimizer step from its merged sums.

    The effective sample sizes say which share of the tokens, or sequences, the weights w = learner / sampler leave.
    """
    per_token = {
        "learner/nll/mean": "nll",
        "learner/entropy/mean": "entropy",
        "learner/ratio/mean": "ratio",
        "learner/clipped/frac": "clipped",
        "learner/corrected/frac": "corrected",
        "learner/off_policy/frac": "off_policy",
        "learner/kl_cov/frac": "kl_cov",
        "learner/kl_to_old/mean": "kl_to_old",
        "learner/kl_to_reference/mean": "kl_to_reference",
        "learner/kl_to_sampler/mean": "kl_to_sampler",
        "learner/gap/mean": "gap",
    }
    return {name: sums.get(key, 0.0) / totals.tokens for name, key in per_token.items()} | {
        "learner/loss": sums["loss"],
        "learner/ratio/max": sums["max/ratio"],
        "learner/gap/max": sums["max/gap"],
        "learner/ess_token/frac": sums["w"] ** 2 / sums["w2"] / totals.tokens,
        "learner/ess_sequence/frac": sums["sequence_w"] ** 2 / sums["sequence_w2"] / totals.sequences,
        "learner/grad_norm": sums["max/grad_norm"],  # the same on every rank
        "learner/tokens": totals.tokens,
    }
