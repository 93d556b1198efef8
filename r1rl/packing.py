"""Sequences laid one after the other in one row of tokens, and who may look at whom.

A packed row wastes nothing: positions start again with each sequence and attention stays within it (block-diagonal and
causal). `Packing` says where the sequences lie, in the two forms that attention kernels want.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

LIKE = 0.75  # a sequence joins rows at most a third longer than itself: attention then costs 1.8 times its own at worst


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Sequences of like lengths as rows. A row shorter than the longest repeats its last token, which nobody reads.

    >>> Packing.of([3, 3, 1], torch.device("cpu")).blocks[0].places_BW.tolist()
    [[0, 1, 2], [3, 4, 5]]
    """

    places_BW: torch.Tensor  # int64: places in the packed row
    keep_BW: torch.Tensor  # bool: False where a row was filled up


@dataclass(kw_only=True, eq=False)  # not frozen: torch 2.11's compiler looks into every field of a frozen one
class Packing:
    """Where S sequences lie in a row of T tokens. Never changed.

    Compiled layers hand it on to a kernel that is not compiled. Were it frozen, they would be compiled again for each
    number of sequences, and not at all after the eighth.

    >>> p = Packing.of([3, 2], torch.device("cpu"))
    >>> p.ends_S1.tolist(), p.positions_T.tolist(), p.longest
    ([0, 3, 5], [0, 1, 2, 0, 1], 3)
    """

    lengths: tuple[int, ...]  # tokens of each sequence
    ends_S1: torch.Tensor  # int32: 0, then the end of each sequence ("cu_seqlens")
    positions_T: torch.Tensor  # int64: a token's place in its own sequence
    longest: int  # tokens

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> Packing:
        """The packing of sequences of these lengths, in this order."""
        ends = torch.tensor([0, *lengths]).cumsum(0)
        starts_T = ends[:-1].repeat_interleave(torch.tensor(lengths))
        return cls(
            lengths=tuple(lengths),
            ends_S1=sent(ends.to(torch.int32), device),
            positions_T=sent(torch.arange(len(starts_T)) - starts_T, device),
            longest=max(lengths),
        )

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Every sequence in exactly one. Made when first asked for: the kernels of a GPU do without."""
        ends, device = torch.tensor([0, *self.lengths]).cumsum(0), self.ends_S1.device
        blocks = (_block(ends, self.lengths, rows) for rows in _alike(self.lengths))
        return tuple(Block(places_BW=b.places_BW.to(device), keep_BW=b.keep_BW.to(device)) for b in blocks)

    @cached_property
    def back_T(self) -> torch.Tensor:
        """int64: takes the kept tokens of all blocks back to the packed order."""
        return torch.cat([b.places_BW[b.keep_BW] for b in self.blocks]).argsort()


def sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    """The tensor on `device`. From pinned memory a GPU takes it later, else this would wait for the GPU."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _alike(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of sequences grouped by length, none shorter than LIKE times the longest of its group.

    >>> _alike([10, 3, 8, 4])
    [[0, 2], [3, 1]]
    """
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if groups and lengths[i] >= LIKE * lengths[groups[-1][0]]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _block(ends: torch.Tensor, lengths: Sequence[int], rows: Sequence[int]) -> Block:
    width = torch.arange(lengths[rows[0]])[None]
    start = ends[torch.tensor(rows)][:, None]
    length = torch.tensor([lengths[i] for i in rows])[:, None]
    return Block(places_BW=start + width.minimum(length - 1), keep_BW=width < length)
