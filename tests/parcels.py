"""What a receiver finds in a parcel, and what the digests of loose tensors are."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from r1rl.digest import digests
from r1rl.inbox import shared
from r1rl.sync import Parcel, Slot, layout, views


def opened(parcel: Parcel) -> dict[str, torch.Tensor]:
    """Copies of the tensors of a parcel that went through memory of this host."""
    return {name: tensor.clone() for name, tensor in views(shared(parcel, torch.device("cpu")), parcel.slots)}


def digests_of(named: Iterable[tuple[str, torch.Tensor]]) -> dict[str, int]:
    """The digests of tensors that lie in no buffer yet."""
    named = list(named)
    offsets, total = layout(tensor.nbytes for _, tensor in named)
    buffer = torch.zeros(total, dtype=torch.uint8)
    slots = []
    for (name, tensor), offset in zip(named, offsets, strict=True):
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        buffer[offset : offset + raw.numel()] = raw
        dtype = str(tensor.dtype).removeprefix("torch.")
        slots.append(Slot(name=name, dtype=dtype, shape=tuple(tensor.shape), offset=offset, digest=0))
    return digests(buffer, slots)
