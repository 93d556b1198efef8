"""All tensors of a policy in training under their plain names: whole where they are sharded, adapters merged."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.distributed.tensor import DTensor

from r1rl.policy import lora


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """The full tensor of one that may be sharded; every rank must call it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def outline(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of the same full shape without values."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")


def plain(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) of parameters and persistent buffers, one at a time. Every rank must go through all of them."""
    for name, tensor in model.state_dict().items():
        named = lora.merged(model, name, tensor.detach(), whole)
        if named is not None:
            yield named


def outlines(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """What `plain` gives, without values: names, shapes and dtypes."""
    for name, tensor in model.state_dict().items():
        if ".lora_" not in name:
            yield name.replace(lora.BASE, "."), outline(tensor)
