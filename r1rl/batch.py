"""Samples to packed micro-batches under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1rl.packing import Packing
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
    sampler_logprobs_K: torch.Tensor  # float32, nats
    advantages_K: torch.Tensor  # float32

    @property
    def places_K(self) -> torch.Tensor:
        """Where in the row the completion tokens stand, int64."""
        return self.keep_BT[0].nonzero().squeeze(-1)

    @property
    def sequence_K(self) -> torch.Tensor:
        """Place in `samples` of each completion token's sample, int64."""
        return self.sequence_BT[self.keep_BT]


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
    """Packs the samples, in this order, into one row on `device`."""
    lengths = [length(s) for s in samples]
    ids = [i for s in samples for i in s.prompt_ids_T + s.token_ids_T]
    keep = [kept for s in samples for kept in (False,) * len(s.prompt_ids_T) + (True,) * len(s.token_ids_T)]
    logprobs = torch.tensor([x for s in samples for x in s.logprobs_T], dtype=torch.float32)
    advantages = torch.tensor([x for s in samples for x in s.advantages_T], dtype=torch.float32)
    return Batch(
        samples=tuple(samples),
        packing=Packing.of(lengths, device),
        ids_BT=torch.tensor([ids]).to(device),
        keep_BT=torch.tensor([keep]).to(device),
        sequence_BT=torch.arange(len(samples)).repeat_interleave(torch.tensor(lengths))[None].to(device),
        sampler_logprobs_K=logprobs.to(device),
        advantages_K=advantages.to(device),
    )
