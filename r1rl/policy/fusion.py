"""Who fuses the small operations around the matrix products: nobody, torch.compile, or liger-kernel's Triton kernels.

A policy of 135M parameters is bound by memory traffic: norms, rotations, gates and above all the softmax over the
vocabulary. torch.compile fuses the decoder layers and the head's arithmetic; liger-kernel has norms, rotations and
gates by hand, but no head with entropies at a temperature, so the head stays as it is there.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from transformers import AttentionInterface

from r1rl.errors import UserError
from r1rl.policy import sharding
from r1rl.policy.attention import PACKED, attend, packed_attention
from r1rl.policy.logprobs import HeadMath
from r1rl.policy.scorer import Scorer


def fused(model: Any, by: str) -> Scorer:
    """A scorer of the model: "none", "compile" or "liger".

    Raises UserError when liger-kernel is not installed or does not know the architecture.
    """
    if by == "compile":
        # Traced into, the kernel would be compiled anew for each packing.
        AttentionInterface.register(PACKED, partial(packed_attention, by=torch.compiler.disable(attend)))
        for layer in sharding.layers(model):
            layer.compile(dynamic=True)
        return Scorer(
            model, HeadMath(read=torch.compile(read, dynamic=False), slope=torch.compile(slope, dynamic=False))
        )
    if by == "liger":
        _liger(model)
    return Scorer(model)


def read(
    logits_KV: torch.Tensor, targets_K: torch.Tensor, temperature: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`HeadMath.read` for a compiler: one kernel that reads the logits twice and writes nothing of their size."""
    scaled = logits_KV / temperature
    top = scaled.amax(-1, keepdim=True)
    below = scaled - top
    mass = below.exp()
    total = mass.sum(-1)
    at_target = below.gather(-1, targets_K[:, None]).squeeze(-1)
    entropy = total.log() - (mass * below).sum(-1) / total
    return at_target - total.log(), entropy, top.squeeze(-1) + total.log()


def slope(
    logits_KV: torch.Tensor,
    dtype: torch.dtype,
    temperature: float,
    targets_K: torch.Tensor,
    normaliser_K: torch.Tensor,
    entropy_K: torch.Tensor,
    logprob_slope_K: torch.Tensor,
    entropy_slope_K: torch.Tensor | None = None,
) -> torch.Tensor:
    """`HeadMath.slope` for a compiler: one kernel that reads the logits once and writes the gradient."""
    logprobs = logits_KV / temperature - normaliser_K[:, None]
    factor = logprob_slope_K[:, None]
    if entropy_slope_K is not None:
        factor = factor + entropy_slope_K[:, None] * (logprobs + entropy_K[:, None])
    is_target = torch.arange(logits_KV.shape[-1], device=logits_KV.device) == targets_K[:, None]
    found = torch.where(is_target, logprob_slope_K[:, None], 0.0) - logprobs.exp() * factor
    return (found / temperature).to(dtype)


def _liger(model: Any) -> None:
    try:
        from liger_kernel.transformers.monkey_patch import (
            MODEL_TYPE_TO_APPLY_LIGER_FN,
            _apply_liger_kernel_to_instance,
        )
    except ImportError as error:
        raise UserError(
            "learner.fusion = liger needs liger-kernel, which is not installed",
            "its Triton kernels replace norms, rotations and gates",
            "pip install liger-kernel, or write learner.fusion: compile",
        ) from error
    if model.config.model_type not in MODEL_TYPE_TO_APPLY_LIGER_FN:
        raise UserError(
            f"learner.fusion = liger: liger-kernel has no kernels for {model.config.model_type}",
            "nothing would be fused",
            "write learner.fusion: compile",
        )
    _apply_liger_kernel_to_instance(model)
