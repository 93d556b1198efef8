"""Samples to padded micro-batches under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One micro-batch. K = number of completion tokens in it; flat tensors follow `keep_BT` in row-major order.

    >>> s = Sample(prompt_ids_T=(1, 2), token_ids_T=(5, 9), logprobs_T=(-0.1, -0.7), advantages_T=(1.5, 2.0))
    >>> b = collate([s], pad_id=0, device=torch.device("cpu"))
    >>> b.ids_BT.tolist(), b.keep_BT.tolist(), b.advantages_K.tolist()
    ([[1, 2, 5, 9]], [[False, False, True, True]], [1.5, 2.0])
    """

    ids_BT: torch.Tensor  # int64, padded on the right
    keep_BT: torch.Tensor  # bool: completion tokens
    sampler_logprobs_K: torch.Tensor  # float32, nats
    advantages_K: torch.Tensor  # float32
    sequence_K: torch.Tensor  # int64, the token's row


def microbatches(samples: Sequence[Sample], budget: int) -> list[list[int]]:
    """Indices of samples grouped so that rows x longest row <= budget (tokens, padding included).

    Sorted by length, so that little is padding. A sample longer than the budget gets a micro-batch of its own.

    >>> s = [Sample(prompt_ids_T=(1,), token_ids_T=(2,) * n, logprobs_T=(0.0,) * n, advantages_T=(0.0,) * n)
    ...      for n in (3, 1, 3)]
    >>> microbatches(s, budget=8)
    [[0, 2], [1]]
    """
    lengths = [len(s.prompt_ids_T) + len(s.token_ids_T) for s in samples]
    order = sorted(range(len(samples)), key=lambda i: (-lengths[i], i))
    groups: list[list[int]] = []
    for i in order:
        if groups and (len(groups[-1]) + 1) * lengths[groups[-1][0]] <= budget:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def collate(samples: Sequence[Sample], pad_id: int, device: torch.device) -> Batch:
    """Pads the samples into one batch on `device`."""
    rows = [s.prompt_ids_T + s.token_ids_T for s in samples]
    width = max(len(row) for row in rows)
    ids = torch.tensor([row + (pad_id,) * (width - len(row)) for row in rows], dtype=torch.int64)
    place = torch.arange(width)
    start = torch.tensor([len(s.prompt_ids_T) for s in samples])[:, None]
    end = torch.tensor([len(row) for row in rows])[:, None]
    logprobs = torch.tensor([x for s in samples for x in s.logprobs_T], dtype=torch.float32)
    advantages = torch.tensor([x for s in samples for x in s.advantages_T], dtype=torch.float32)
    return Batch(
        ids_BT=ids.to(device),
        keep_BT=((place >= start) & (place < end)).to(device),
        sampler_logprobs_K=logprobs.to(device),
        advantages_K=advantages.to(device),
        sequence_K=torch.tensor([row for row, s in enumerate(samples) for _ in s.token_ids_T]).to(device),
    )
