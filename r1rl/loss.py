"""The GRPO loss over the completion tokens of one micro-batch.

Clipped surrogate and k3 KL: DeepSeekMath (arXiv 2402.03300) eq. 3 and 4, DeepSeek-R1 (arXiv 2501.12948) eq. 1 and 2.
One departure: tokens are summed and divided by the token count of the whole optimizer step, not averaged per
sequence, so that micro-batches, accumulation and data parallelism cannot change the gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Loss of a micro-batch (already divided by the step's tokens) and sums over its tokens for the metrics."""

    loss: torch.Tensor  # scalar with gradient
    clipped: float  # tokens whose gradient the clip removed
    kl_to_reference: float  # sum over tokens, nats


def policy_loss(
    logprobs_K: torch.Tensor,
    sampler_logprobs_K: torch.Tensor,
    advantages_K: torch.Tensor,
    reference_logprobs_K: torch.Tensor | None,
    *,
    clip_low: float,
    clip_high: float,
    kl: float,
    step_tokens: int,
) -> Terms:
    """The policy-gradient loss.

    Args:
        logprobs_K: the policy's log-probs, with gradient; nats, one per completion token.
        sampler_logprobs_K: log-probs at sampling time; the ratio is exp(policy - sampler).
        advantages_K: advantage of the token's sample.
        reference_logprobs_K: log-probs under the reference; None leaves the KL term out.
        clip_low, clip_high: the ratio is clipped to [1 - clip_low, 1 + clip_high].
        kl: coefficient of the KL term.
        step_tokens: completion tokens of the whole optimizer step.
    """
    ratio = (logprobs_K - sampler_logprobs_K).exp()
    clipped_ratio = ratio.clamp(1 - clip_low, 1 + clip_high)
    surrogate = torch.minimum(ratio * advantages_K, clipped_ratio * advantages_K)
    loss = -surrogate.sum()
    divergence = 0.0
    if reference_logprobs_K is not None:
        k3 = k3_kl(logprobs_K, reference_logprobs_K)
        loss = loss + kl * k3.sum()
        divergence = k3.sum().item()
    clipped = (clipped_ratio * advantages_K < ratio * advantages_K).sum().item()
    return Terms(loss=loss / step_tokens, clipped=clipped, kl_to_reference=divergence)


def k3_kl(logprobs_K: torch.Tensor, reference_logprobs_K: torch.Tensor) -> torch.Tensor:
    """Per-token estimate of KL(policy || reference): r - log r - 1 with r = reference / policy. Never negative."""
    log_r = reference_logprobs_K - logprobs_K
    return log_r.exp() - log_r - 1
