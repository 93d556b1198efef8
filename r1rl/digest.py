"""A 64-bit checksum of each tensor in a buffer: bound to its bytes, name, dtype and shape, the same on every device.

Two sums over a tensor's 32-bit words, one weighted by position, catch changed, lost, swapped and shifted values. They
guard against mistakes, not against an adversary. The buffer is summed in large pieces, whatever lies in them: tensor by
tensor it would be Python and the launches of small kernels that a sync waits for.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy
import torch

WORD = 4  # bytes
TOGETHER = 2**22  # words summed at once: half a dozen int64 copies of them, 32 MiB each


class Span(Protocol):
    """A tensor's place in a buffer."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def offset(self) -> int: ...  # bytes, whole words
    @property
    def nbytes(self) -> int: ...


def digests(buffer: torch.Tensor, spans: Sequence[Span]) -> dict[str, int]:
    """The digest of each tensor by name; the device that holds them is waited for at the end.

    Args:
        buffer: bytes, whole words; a tensor's last word is filled up with zeros.
        spans: in the order of their offsets.
    """
    words = buffer.view(torch.int32)
    marks = numpy.array([0, *(mark for span in spans for mark in _marks(span))], numpy.int64)
    edges = torch.from_numpy(numpy.append(marks, len(words))).to(buffer.device)
    parts, found = [], []
    for begin in range(0, len(words), TOGETHER):
        piece = words[begin : begin + TOGETHER]
        first = numpy.searchsorted(marks, begin, side="right") - 1  # the part that holds its first word
        last = numpy.searchsorted(marks, begin + len(piece)) - 1
        parts.append(numpy.arange(first, last + 1))
        found.append(_sums(piece, edges[first : last + 2] - begin))
    sums = numpy.zeros((len(marks), 2), numpy.int64)  # wraps around: mod 2^64
    numpy.add.at(sums, numpy.concatenate(parts), torch.cat(found, dim=1).T.cpu().numpy())
    return {  # parts are what lies between two marks: nothing, a tensor, nothing, a tensor, ...
        span.name: (plain * 31 + weighted * 1000003 + _label(span)) % 2**64
        for span, (plain, weighted) in zip(spans, sums[1::2].tolist(), strict=True)
    }


def _marks(span: Span) -> tuple[int, int]:
    """A tensor's first word, and the first that is not its own."""
    return span.offset // WORD, -(-(span.offset + span.nbytes) // WORD)


def _label(span: Span) -> int:
    return zlib.crc32(f"{span.name} torch.{span.dtype} {tuple(span.shape)}".encode())


def _sums(words: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """Plain and weighted sum of each part of these words (2, parts), int64: differences of running sums.

    All of it on the words' own device, which is not waited for: several engines compute this at once on one GPU, which
    then gives each a slice of its time, and whoever waits is waiting for the slices of the others too.

    Args:
        edges: where each part begins, the first at 0 or before these words, and where the last one ends or after them.
    """
    inside = edges.clamp(0, len(words))
    place = torch.arange(1, len(words) + 1, device=words.device)
    place -= edges[:-1].repeat_interleave(inside.diff(), output_size=len(words))
    weighted = place.mul_(2654435761).bitwise_or_(1).mul_(words)
    return torch.stack([_between(x.cumsum(0, dtype=torch.int64), inside) for x in (words, weighted)])


def _between(running: torch.Tensor, edges: torch.Tensor) -> torch.Tensor:
    """What a running sum gained from each edge to the next."""
    return running[(edges - 1).clamp(min=0)].where(edges > 0, 0).diff()
