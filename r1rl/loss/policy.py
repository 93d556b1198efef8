"""The loss of any algorithm, put together from its parts."""

from __future__ import annotations

import torch

from r1rl.algorithm import Algorithm
from r1rl.loss.statistics import statistics
from r1rl.loss.tokens import Terms, Tokens, Totals


def loss(tokens: Tokens, totals: Totals, algorithm: Algorithm) -> Terms:
    """The policy-gradient loss of one micro-batch.

    Clipped surrogate and k3 KL: DeepSeekMath (arXiv 2402.03300) eq. 3 and 4, DeepSeek-R1 (arXiv 2501.12948) eq. 1, 2.
    """
    old_K = {
        "old": tokens.old_logprobs_K,
        "sampler": tokens.sampler_logprobs_K,
        "own": tokens.logprobs_K.detach(),
    }[algorithm.ratio_to]
    ratio_K = (tokens.logprobs_K - old_K).exp()
    clipped_K = ratio_K.clamp(1 - algorithm.clip_low, 1 + algorithm.clip_high)
    advantages_K = tokens.advantages_K
    objective_K = torch.minimum(ratio_K * advantages_K, clipped_K * advantages_K)
    sums = {"clipped": (clipped_K * advantages_K < ratio_K * advantages_K).sum()}
    if tokens.reference_logprobs_K is not None:
        log_r = tokens.reference_logprobs_K - tokens.logprobs_K
        k3_K = log_r.exp() - log_r - 1
        objective_K = objective_K - algorithm.kl * k3_K
        sums["kl_to_reference"] = k3_K.detach().sum()
    total = -objective_K.sum() / totals.tokens
    return Terms(loss=total, sums=sums | {"loss": total.detach()} | statistics(tokens))
