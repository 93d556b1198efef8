"""What a token weighs: by how the loss is averaged, by the mismatch, and by how far its sequence is off policy."""

from __future__ import annotations

import torch

from r1rl.algorithm import Aggregation
from r1rl.correction import Correction
from r1rl.loss.tokens import Tokens, Totals

LIMIT = 20.0  # nats; a weight of e^20 is as good as infinite, and its square still fits float32


def aggregation(tokens: Tokens, totals: Totals, how: Aggregation) -> torch.Tensor:
    """The weights of an average over the whole optimizer step (K)."""
    match how:
        case "token":
            return torch.full_like(tokens.advantages_K, 1 / totals.tokens)
        case "sequence":
            return 1 / (totals.sequences * tokens.lengths_K)
        case "constant":
            return torch.full_like(tokens.advantages_K, 1 / (totals.sequences * totals.max_tokens))


def mismatch(tokens: Tokens, level: str) -> torch.Tensor:
    """w = learner before any update / sampler: of each token, its sequence, or the latter's mean per token (K)."""
    log_w_K = tokens.old_logprobs_K - tokens.sampler_logprobs_K
    if level == "sequence":
        log_w_K = tokens.sequence_sum(log_w_K)
    elif level == "geometric":
        log_w_K = tokens.sequence_mean(log_w_K)
    return log_w_K.clamp(-LIMIT, LIMIT).exp()


def correction(tokens: Tokens, preset: Correction) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights that a preset gives, and where w was outside its band (K, K)."""
    w_K = mismatch(tokens, preset.level)
    outside_K = (w_K < preset.low) | (w_K > preset.high)
    weight_K = w_K.clamp(preset.low, preset.high) if preset.weigh else torch.ones_like(w_K)
    return weight_K.masked_fill(outside_K, 0.0) if preset.outside == "drop" else weight_K, outside_K


def off_policy(tokens: Tokens, delta: float) -> torch.Tensor:
    """True where a bad sequence is more than `delta` nats per token less likely than when it was sampled (K).

    DeepSeek-V3.2 (arXiv 2512.02556), sec. 3.1, "Off-Policy Sequence Masking": only advantages below 0 are masked.
    """
    drift_K = tokens.sequence_mean(tokens.sampler_logprobs_K - tokens.logprobs_K.detach())
    return (tokens.advantages_K < 0) & (drift_K > delta)
