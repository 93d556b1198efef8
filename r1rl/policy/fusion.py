"""Who fuses the small operations around the matrix products: nobody, torch.compile, or liger-kernel's Triton kernels.

A policy of 135M parameters is bound by memory traffic: norms, rotations, gates and above all the softmax over the
vocabulary. torch.compile fuses the decoder layers and the head's arithmetic; liger-kernel has norms, rotations and
gates by hand, but no head with entropies at a temperature, so the head stays as it is there.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface

from r1rl.errors import UserError
from r1rl.policy import sharding
from r1rl.policy.attention import PACKED, packed_attention
from r1rl.policy.logprobs import EAGER, HeadMath
from r1rl.policy.scorer import Scorer


def fused(model: Any, by: str) -> Scorer:
    """A scorer of the model: "none", "compile" or "liger".

    Raises UserError when liger-kernel is not installed or does not know the architecture.
    """
    if by == "compile":
        # Traced into, attention would be compiled anew for each packing.
        AttentionInterface.register(PACKED, torch.compiler.disable(packed_attention))
        for layer in sharding.layers(model):
            layer.compile(dynamic=True)
        head = HeadMath(read=torch.compile(EAGER.read, dynamic=True), slope=torch.compile(EAGER.slope, dynamic=True))
        return Scorer(model, head)
    if by == "liger":
        _liger(model)
    return Scorer(model)


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
