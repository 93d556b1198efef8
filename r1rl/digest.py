"""A 64-bit checksum of each tensor: bound to its bytes, name, dtype and shape, the same on every device.

Two sums over a tensor's 32-bit words, one weighted by position, catch changed, lost, swapped and shifted values. They
guard against mistakes, not against an adversary. A device sums many tensors at once: summed one by one, with ten small
kernels for each, it would be the launches that a sync waits for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

TOGETHER = 2**22  # words summed at once, and at most of one tensor: half a dozen int64 copies of them, 32 MiB each


def digests(tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, int]:
    """The digest of each tensor by name; the device that holds them is waited for once a batch, not once a tensor."""
    labels: dict[str, int] = {}
    found: list[torch.Tensor] = []
    owners: list[str] = []
    for batch in _batches(_pieces(tensors, labels)):
        found.append(_sums(batch))
        owners += [piece.name for piece in batch]
    sums = torch.cat(found, dim=1).T.tolist() if found else []  # int64 wraps around: mod 2^64
    total = dict(labels)
    for name, (plain, weighted) in zip(owners, sums, strict=True):
        total[name] += plain * 31 + weighted * 1000003
    return {name: value % 2**64 for name, value in total.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Piece:
    name: str  # of the tensor it is a part of
    words: torch.Tensor  # int32
    first: int  # place in the tensor of the first word


def _pieces(tensors: Iterable[tuple[str, torch.Tensor]], labels: dict[str, int]) -> Iterator[_Piece]:
    """The words of all tensors, in parts of TOGETHER at most; writes each tensor's label."""
    for name, tensor in tensors:
        labels[name] = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
        if raw.numel() % 4:
            raw = torch.nn.functional.pad(raw, (0, -raw.numel() % 4))
        for i, words in enumerate(raw.view(torch.int32).split(TOGETHER)):
            yield _Piece(name=name, words=words, first=i * TOGETHER)


def _batches(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    batch: list[_Piece] = []
    room = TOGETHER
    for piece in pieces:
        if batch and len(piece.words) > room:
            yield batch
            batch, room = [], TOGETHER
        batch.append(piece)
        room -= len(piece.words)
    if batch:
        yield batch


def _sums(batch: list[_Piece]) -> torch.Tensor:
    """Plain and weighted sum of each piece (2, pieces), int64: differences of running sums."""
    lengths = torch.tensor([len(piece.words) for piece in batch])
    ends = lengths.cumsum(0)
    shifts = ends - lengths - torch.tensor([piece.first for piece in batch])
    words = torch.cat([piece.words for piece in batch])
    lengths, ends, shifts = torch.stack([lengths, ends, shifts]).to(words.device)
    place = torch.arange(1, len(words) + 1, device=words.device)
    place -= shifts.repeat_interleave(lengths, output_size=len(words))
    weighted = place.mul_(2654435761).bitwise_or_(1).mul_(words)
    return torch.stack([_between(x.cumsum(0, dtype=torch.int64), ends) for x in (words, weighted)])


def _between(running: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
    """What a running sum gained up to each end since the end before it."""
    zero = running.new_zeros(1)
    padded = running if len(running) else zero  # nothing but empty tensors
    return padded[(ends - 1).clamp(min=0)].where(ends > 0, zero).diff(prepend=zero)
