"""The loss of any algorithm, put together from its parts."""

from __future__ import annotations

import torch

from r1rl.algorithm import Algorithm
from r1rl.loss import kl, weight
from r1rl.loss.statistics import statistics
from r1rl.loss.surrogate import denominator, ratio, surrogate
from r1rl.loss.tokens import Terms, Tokens, Totals

KL_COV = 1.0  # coefficient of the KL at the chosen tokens (arXiv 2505.22617, sec. 4)


def loss(tokens: Tokens, totals: Totals, algorithm: Algorithm) -> Terms:
    """The loss of one micro-batch: minus correction * surrogate - kl * KL + entropy * H, averaged over the step.

    Raises no error for numbers that are not finite: they reach the gradient, which is looked at before it is used.
    """
    ratio_K = ratio(tokens, algorithm)
    objective_K, clipped_K = surrogate(ratio_K, tokens, algorithm)
    corrected_K, outside_K = weight.correction(tokens, algorithm.correction)
    dropped_K = weight.off_policy(tokens, algorithm.off_policy_delta)
    objective_K = (objective_K * corrected_K).masked_fill(dropped_K, 0.0)
    sums = {"clipped": clipped_K.sum(), "corrected": outside_K.sum(), "off_policy": dropped_K.sum()}
    if algorithm.kl and tokens.reference_logprobs_K is not None:
        divergence_K = _kl_to_reference(tokens, tokens.reference_logprobs_K, algorithm)
        objective_K = objective_K - algorithm.kl * divergence_K
        sums["kl_to_reference"] = divergence_K.detach().sum()
    if totals.outliers is not None:
        held_K = totals.outliers.chosen(tokens.sampler_logprobs_K, tokens.advantages_K)
        objective_K = objective_K - KL_COV * kl.k3(tokens.old_logprobs_K, tokens.logprobs_K) * held_K
        sums["kl_cov"] = held_K.sum()
    if algorithm.entropy:
        objective_K = objective_K + algorithm.entropy * tokens.entropy_K
    total = -(objective_K * weight.aggregation(tokens, totals, algorithm.aggregation)).sum()
    return Terms(loss=total, sums=sums | {"loss": total.detach()} | statistics(tokens, ratio_K.detach()))


def _kl_to_reference(tokens: Tokens, reference_logprobs_K: torch.Tensor, algorithm: Algorithm) -> torch.Tensor:
    match algorithm.kl_estimate:
        case "k2":
            return kl.k2(tokens.logprobs_K, reference_logprobs_K)
        case "k3":
            return kl.k3(tokens.logprobs_K, reference_logprobs_K)
        case "unbiased":
            return kl.unbiased(tokens.logprobs_K, reference_logprobs_K, denominator(tokens, algorithm))
