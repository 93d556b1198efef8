"""Samples to packed micro-batches under a token budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch

from r1rl.packed import joined
from r1rl.packing import Packing, sent
from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """One micro-batch: a packed row of T tokens, K of them completion tokens. B is 1.

    >>> s = Sample(prompt_ids_T=(1, 2), token_ids_T=(5, 9), logprobs_T=(-0.1, -0.7), advantages_T=(1.5, 2.0))
    >>> b = collate([s, s], device=torch.device("cpu"))
    >>> b.ids_BT.tolist(), b.places_K.tolist(), b.advantages_K.tolist(), b.sequence_K.tolist()
    ([[1, 2, 5, 9, 1, 2, 5, 9]], [2, 3, 6, 7], [1.5, 2.0, 1.5, 2.0], [0, 0, 1, 1])
    """

    samples: tuple[Sample, ...]
    packing: Packing
    ids_BT: torch.Tensor  # int64, sequence after sequence
    keep_BT: torch.Tensor  # bool: completion tokens
    sequence_BT: torch.Tensor  # int64: place in `samples` of the token's sample
    places_K: torch.Tensor  # int64: where in the row the completion tokens stand
    sequence_K: torch.Tensor  # int64: place in `samples` of the completion token's sample
    sampler_logprobs_K: torch.Tensor  # float32, nats
    advantages_K: torch.Tensor  # float32


def length(sample: Sample) -> int:
    """Tokens of prompt and completion."""
    return len(sample.prompt_ids_T) + len(sample.token_ids_T)


def microbatches(samples: Sequence[Sample], budget: int, at_least: int = 0) -> list[list[int]]:
    """Indices of samples grouped so that their tokens together are within the budget.

    Sorted by length: like sequences attend together. One longer than the budget gets a micro-batch of its own.

    Args:
        at_least: how many micro-batches there must be, as far as the samples go.

    >>> s = [Sample(prompt_ids_T=(1,), token_ids_T=(2,) * n, logprobs_T=(0.0,) * n, advantages_T=(0.0,) * n)
    ...      for n in (3, 1, 3)]
    >>> microbatches(s, budget=8)
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    room = 0
    for i in sorted(range(len(samples)), key=lambda i: (-length(samples[i]), i)):
        if not groups or length(samples[i]) > room:
            groups.append([])
            room = budget
        groups[-1].append(i)
        room -= length(samples[i])
    while len(groups) < min(at_least, len(samples)):
        largest = max(groups, key=len)
        groups.append([largest.pop() for _ in range(len(largest) // 2)])
    return groups


def collate(samples: Sequence[Sample], device: torch.device) -> Batch:
    """Packs the samples, in this order, into one row on `device`.

    All is counted on the CPU: whatever a GPU is asked for (which tokens are a completion's?) makes it wait.
    """
    lengths = torch.tensor([length(s) for s in samples])
    halves = torch.tensor([n for s in samples for n in (len(s.prompt_ids_T), len(s.token_ids_T))])
    keep_T = (torch.arange(len(halves)) % 2 == 1).repeat_interleave(halves)
    sequence_T = torch.arange(len(samples)).repeat_interleave(lengths)
    ids_T = _column((ids for s in samples for ids in (s.prompt_ids_T, s.token_ids_T)), numpy.int64)
    logprobs_K = _column((s.logprobs_T for s in samples), numpy.float32)
    advantages_K = _column((s.advantages_T for s in samples), numpy.float32)
    return Batch(
        samples=tuple(samples),
        packing=Packing.of(lengths.tolist(), device),
        ids_BT=sent(ids_T[None], device),
        keep_BT=sent(keep_T[None], device),
        sequence_BT=sent(sequence_T[None], device),
        places_K=sent(keep_T.nonzero().squeeze(-1), device),
        sequence_K=sent(sequence_T[keep_T], device),
        sampler_logprobs_K=sent(logprobs_K, device),
        advantages_K=sent(advantages_K, device),
    )


def _column(rows: Iterable[Sequence[float]], dtype: Any) -> torch.Tensor:
    return torch.from_numpy(joined(rows, dtype))
