"""Log-probs of given tokens from hidden states, in chunks: the logits of a whole batch never exist at once.

The head's logits are fp32: its inputs are rounded as the sampler's are, products are summed in fp32 and never rounded
to half precision, which is where a vocabulary of near-ties loses most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 2048  # tokens; 2048 x 129,280 fp32 logits are 1 GiB


@dataclass(frozen=True, kw_only=True)
class HeadMath:
    """What is done to the logits of a whole chunk: to read them, and to get the gradient at them. Both overwrite them.

    It never sees the last, shorter chunk: a compiler would compile anew for some of its sizes, and the step would wait
    for seconds.

    >>> EAGER.read(torch.zeros(1, 4), torch.tensor([2]), 1.0)[0]
    tensor([-1.3863])
    """

    read: Callable[..., tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
    slope: Callable[..., torch.Tensor]


def head_logprobs(
    hidden_KH: torch.Tensor,
    weight_VH: torch.Tensor,
    targets_K: torch.Tensor,
    temperature: float,
    entropy_gradient: bool = False,
    math: HeadMath | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-prob of each target and entropy of its distribution, both fp32, in nats, at the sampling temperature.

    Args:
        hidden_KH, weight_VH: the last hidden state before each target and the head, in the dtype of compute.
        temperature: divides the logits, as the sampler did.
        entropy_gradient: whether the entropy carries a gradient.
    """
    logprobs, entropy = _Head.apply(hidden_KH, weight_VH, targets_K, temperature, entropy_gradient, math or EAGER)
    return logprobs, entropy


class _Head(torch.autograd.Function):
    """Keeps one number per token (log of the softmax's denominator) and computes each chunk's logits twice."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_KH: torch.Tensor,
        weight_VH: torch.Tensor,
        targets_K: torch.Tensor,
        temperature: float,
        entropy_gradient: bool,
        math: HeadMath,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        parts = [
            _math(math, hidden).read(_product(hidden, weight_VH.T), _alone(targets), temperature)
            for hidden, targets in zip(hidden_KH.split(CHUNK), targets_K.split(CHUNK), strict=True)
        ]
        logprobs, entropy, normaliser = (torch.cat(column) for column in zip(*parts, strict=True))
        ctx.save_for_backward(hidden_KH, weight_VH, targets_K, normaliser, entropy)
        ctx.temperature, ctx.entropy_gradient, ctx.math = temperature, entropy_gradient, math
        if not entropy_gradient:
            ctx.mark_non_differentiable(entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx: Any, *slopes_K: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        hidden_KH, weight_VH, *columns = ctx.saved_tensors
        columns += slopes_K if ctx.entropy_gradient else slopes_K[:1]
        hidden_slope = torch.empty_like(hidden_KH)
        weight_slope = torch.zeros_like(weight_VH, dtype=columns[1].dtype)
        for start in range(0, len(hidden_KH), CHUNK):
            part = slice(start, start + CHUNK)
            hidden = hidden_KH[part]
            told = [_alone(column[part]) for column in columns]
            slope = _math(ctx.math, hidden).slope(_product(hidden, weight_VH.T), hidden.dtype, ctx.temperature, *told)
            hidden_slope[part] = _product(slope, weight_VH)
            if ctx.needs_input_grad[1]:
                weight_slope += _product(slope.T, hidden)
        return hidden_slope, weight_slope.to(weight_VH.dtype), None, None, None, None


def _math(math: HeadMath, hidden_KH: torch.Tensor) -> HeadMath:
    return math if len(hidden_KH) == CHUNK else EAGER


def _alone(part_K: torch.Tensor) -> torch.Tensor:
    """A copy in memory of its own: a compiler compiles anew for another place within a larger tensor, too."""
    return part_K.clone(memory_format=torch.contiguous_format)


def _read(
    logits_KV: torch.Tensor, targets_K: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(log-prob of the target, entropy, log of the denominator). Overwrites the logits."""
    normaliser = logits_KV.div_(temperature).logsumexp(-1)
    logprobs = logits_KV.sub_(normaliser[:, None])
    entropy = -torch.einsum("kv,kv->k", logprobs.exp(), logprobs)  # no third K x V is made
    return logprobs.gather(-1, targets_K[:, None]).squeeze(-1), entropy, normaliser


def _slope(
    logits_KV: torch.Tensor,
    dtype: torch.dtype,
    temperature: float,
    targets_K: torch.Tensor,
    normaliser_K: torch.Tensor,
    entropy_K: torch.Tensor,
    logprob_slope_K: torch.Tensor,
    entropy_slope_K: torch.Tensor | None = None,
) -> torch.Tensor:
    """Gradient at the logits, in `dtype`: d log p_t = 1[t] - p and d entropy = -p (log p + entropy).

    Overwrites the logits. The targets' places are written last, from sums in fp32: one pass is enough for all others.
    """
    logprobs = logits_KV.div_(temperature).sub_(normaliser_K[:, None])
    at_target = logprobs.gather(-1, targets_K[:, None])
    factor = target_factor = -logprob_slope_K[:, None]
    if entropy_slope_K is not None:
        factor = factor - entropy_slope_K[:, None] * (logprobs + entropy_K[:, None])
        target_factor = target_factor - entropy_slope_K[:, None] * (at_target + entropy_K[:, None])
    slope = logprobs.exp_().mul_(factor).div_(temperature).to(dtype)
    target_slope = (at_target.exp() * target_factor + logprob_slope_K[:, None]) / temperature
    return slope.scatter_(-1, targets_K[:, None], target_slope.to(dtype))


EAGER = HeadMath(read=_read, slope=_slope)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The product with fp32 sums (double for double inputs), not rounded to the dtype of a and b."""
    if a.dtype in (torch.float32, torch.float64):
        return a @ b
    return torch.mm(a, b, out_dtype=torch.float32) if a.is_cuda else a.float() @ b.float()
