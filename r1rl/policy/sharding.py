"""A policy spread over ranks: torch's FSDP2 (`fully_shard`), layer by layer.

A gradient is the SUM over ranks, because each rank's loss is already divided by the totals of the whole step. Masters
stay in fp32; what travels and computes is rounded to the dtype of compute; gradients are summed in fp32.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

from r1rl.policy.scorer import Scorer


def shard(scorer: Scorer, ranks: int, dtype: torch.dtype, device: torch.device, masters_on_cpu: bool) -> None:
    """Leaves each rank its part of every parameter, in place; the process group must be up.

    Embedding, head and the last norm belong to the scorer itself: they are whole while it runs.
    """
    precision = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    offload = CPUOffloadPolicy() if masters_on_cpu and device.type == "cuda" else OffloadPolicy()
    options: dict[str, Any] = {
        "mesh": init_device_mesh(device.type, (ranks,)),
        "mp_policy": precision,
        "offload_policy": offload,
    }
    for layer in layers(scorer.model):
        fully_shard(layer, **options)
    fully_shard(scorer, **options)
    for module in scorer.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)  # gloo has no scaled sum


def layers(model: Any) -> list[torch.nn.Module]:
    """The decoder layers of a policy."""
    return list(model.base_model.layers)


def reshard(scorer: torch.nn.Module) -> None:
    """After a forward pass without a backward one, which would have done it."""
    if isinstance(scorer, FSDPModule):
        scorer.reshard()
