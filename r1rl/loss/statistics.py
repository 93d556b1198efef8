"""What is counted while the loss is computed: sums over tokens, which add over micro-batches and ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch

from r1rl.loss.tokens import Tokens, Totals

LARGEST = "max/"  # keys with this prefix are merged by taking the largest


def statistics(tokens: Tokens) -> dict[str, torch.Tensor]:
    """Sums about a micro-batch that no algorithm changes."""
    own_K = tokens.logprobs_K.detach()
    moved_K = own_K - tokens.sampler_logprobs_K
    gap_K = (tokens.old_logprobs_K - tokens.sampler_logprobs_K).abs()
    return {
        "nll": -own_K.sum(),
        "entropy": tokens.entropy_K.detach().sum(),
        "kl_to_sampler": (moved_K.exp() - moved_K - 1).sum(),
        "gap": gap_K.sum(),
        "max/gap": gap_K.max(),
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
    """The metrics of one optimizer step from its merged sums."""
    return {
        "learner/loss": sums["loss"],
        "learner/nll/mean": sums["nll"] / totals.tokens,
        "learner/entropy/mean": sums["entropy"] / totals.tokens,
        "learner/clipped/frac": sums["clipped"] / totals.tokens,
        "learner/kl_to_reference/mean": sums.get("kl_to_reference", 0.0) / totals.tokens,
        "learner/kl_to_sampler/mean": sums["kl_to_sampler"] / totals.tokens,
        "learner/gap/mean": sums["gap"] / totals.tokens,
        "learner/gap/max": sums["max/gap"],
        "learner/grad_norm": sums["max/grad_norm"],  # the same on every rank
        "learner/tokens": totals.tokens,
    }
