"""The probability ratio, and what is left of the policy gradient once it is clipped."""

from __future__ import annotations

import torch

from r1rl.algorithm import Algorithm
from r1rl.loss.tokens import Tokens


def ratio(tokens: Tokens, algorithm: Algorithm) -> torch.Tensor:
    """Probability under the policy over that under the algorithm's denominator, with gradient (K).

    At the level of sequences each token has its sequence's geometric mean (GSPO, arXiv 2507.18071, eq. 7) and the
    gradient of its own log-prob (GSPO-token, sec. 4.3): for equal advantages value and gradient are those of GSPO.
    """
    log_ratio_K = tokens.logprobs_K - denominator(tokens, algorithm)
    if algorithm.ratio == "sequence":
        straight_K = tokens.logprobs_K - tokens.logprobs_K.detach()  # zero, with a gradient of one
        log_ratio_K = tokens.sequence_mean(log_ratio_K.detach()) + straight_K
    return log_ratio_K.exp()


def denominator(tokens: Tokens, algorithm: Algorithm) -> torch.Tensor:
    """The log-probs that the ratio divides by (K)."""
    return {
        "old": tokens.old_logprobs_K,
        "sampler": tokens.sampler_logprobs_K,
        "own": tokens.logprobs_K.detach(),
    }[algorithm.ratio_to]


def surrogate(ratio_K: torch.Tensor, tokens: Tokens, algorithm: Algorithm) -> tuple[torch.Tensor, torch.Tensor]:
    """The objective of each token, to be maximised, and where the clip took hold (K, K)."""
    clipped_K = ratio_K.clamp(1 - algorithm.clip_low, 1 + algorithm.clip_high)
    if algorithm.surrogate == "cispo":  # MiniMax-M1, arXiv 2506.13585, eq. 4: the weight is clipped, not the gradient
        weight_K = clipped_K.detach()
        return weight_K * tokens.advantages_K * tokens.logprobs_K, weight_K != ratio_K.detach()
    plain_K, bounded_K = ratio_K * tokens.advantages_K, clipped_K * tokens.advantages_K  # PPO, arXiv 1707.06347, eq. 7
    return torch.minimum(plain_K, bounded_K), bounded_K.detach() < plain_K.detach()
