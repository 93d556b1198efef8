"""Estimates of KL(policy || reference) at the sampled tokens. r = reference / policy.

http://joschu.net/blog/kl-approx.html names k2 and k3.
"""

from __future__ import annotations

import torch


def k2(logprobs_K: torch.Tensor, reference_logprobs_K: torch.Tensor) -> torch.Tensor:
    """(log r)^2 / 2. Biased, but on policy its expected gradient is that of the KL (K)."""
    return (reference_logprobs_K - logprobs_K) ** 2 / 2


def k3(logprobs_K: torch.Tensor, reference_logprobs_K: torch.Tensor) -> torch.Tensor:
    """r - log r - 1. Unbiased on policy and never negative; its expected gradient is not the KL's (K)."""
    log_r_K = reference_logprobs_K - logprobs_K
    return log_r_K.exp() - log_r_K - 1


def unbiased(
    logprobs_K: torch.Tensor, reference_logprobs_K: torch.Tensor, sampled_by_logprobs_K: torch.Tensor
) -> torch.Tensor:
    """k3 times policy / sampler: value and gradient are unbiased, on policy or off (K).

    DeepSeek-V3.2 (arXiv 2512.02556), sec. 3.1, "Unbiased KL Estimate".
    """
    return (logprobs_K - sampled_by_logprobs_K).exp() * k3(logprobs_K, reference_logprobs_K)
