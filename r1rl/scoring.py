"""Log-probs of whole samples, for everyone who only reads: old log-probs, the gap to the sampler, a teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from r1rl.batch import Batch, collate, microbatches
from r1rl.policy.scorer import Scorer
from r1rl.policy.sharding import reshard
from r1rl.types import Sample

Around = Callable[[Batch], AbstractContextManager[Any]]
IDLE = Sample(prompt_ids_T=(0,), token_ids_T=(0,), logprobs_T=(0.0,), advantages_T=(0.0,))


def batches(
    samples: Sequence[Sample], budget: int, device: torch.device, most: Callable[[int], int]
) -> Iterator[tuple[list[int], Batch]]:
    """(indices, micro-batch) of all samples, as many on every rank: sharded weights come together for each.

    Where a rank has too few samples there are no indices and the micro-batch is an idle one that counts for nothing.

    Args:
        budget: tokens of a micro-batch.
        most: the largest of the ranks' numbers; `int` where there is one rank.
    """
    rounds = most(len(microbatches(samples, budget)))
    groups = microbatches(samples, budget, at_least=rounds)
    for group in groups + [[]] * (rounds - len(groups)):
        yield group, collate([samples[i] for i in group] or [IDLE], device)


@torch.no_grad()
def logprobs(
    scorer: Scorer,
    samples: Sequence[Sample],
    temperature: float,
    *,
    budget: int,
    device: torch.device,
    most: Callable[[int], int] = int,
    around: Around = lambda batch: nullcontext(),
) -> list[tuple[float, ...]]:
    """A policy's log-prob of each completion token, in nats, sample by sample.

    Args:
        budget, most: as for `batches`.
        around: what each forward pass runs in.
    """
    parts: list[tuple[list[int], torch.Tensor]] = []
    for indices, batch in batches(samples, budget, device, most):
        with around(batch) if indices else nullcontext():
            logprobs_K, _ = scorer(batch.ids_BT, batch.packing, batch.places_K, temperature)
        parts.append((indices, logprobs_K))
    reshard(scorer)
    found: dict[int, tuple[float, ...]] = {}
    for indices, logprobs_K in parts:  # only now: a GPU that is waited for after each batch has gaps
        rows = logprobs_K.cpu().split([len(samples[i].token_ids_T) for i in indices] or [1])
        found |= {i: tuple(row.tolist()) for i, row in zip(indices, rows, strict=False)}
    return [found[i] for i in range(len(samples))]
