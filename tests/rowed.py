"""Micro-batches for the tests of companions: samples side by side, or packed into one row."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True)
class Rowed:
    """What companions read, and the positions that the forward pass needs."""

    samples: tuple[Sample, ...]
    ids_BT: torch.Tensor
    keep_BT: torch.Tensor
    sequence_BT: torch.Tensor
    positions_BT: torch.Tensor

    def hidden(self, model) -> torch.Tensor:
        """A forward pass without attention between samples."""
        found = model.base_model(input_ids=self.ids_BT, position_ids=self.positions_BT, use_cache=False)
        return found.last_hidden_state

    def nll(self, model) -> torch.Tensor:
        """Sum over completion tokens, nats."""
        logits = model.lm_head(self.hidden(model)).float()
        wanted = self.keep_BT[:, 1:]
        return torch.nn.functional.cross_entropy(logits[:, :-1][wanted], self.ids_BT[:, 1:][wanted], reduction="sum")


@dataclass(frozen=True, kw_only=True)
class Counted:
    tokens: int
    sequences: int


def counted(samples) -> Counted:
    return Counted(tokens=sum(len(s.token_ids_T) for s in samples), sequences=len(samples))


def padded(samples, extra: int = 0) -> Rowed:
    width = max(len(s.prompt_ids_T) + len(s.token_ids_T) for s in samples) + extra
    return _rowed(samples, [[i] for i in range(len(samples))], width)


def packed(samples, extra: int = 0) -> Rowed:
    return _rowed(samples, [list(range(len(samples)))], sum(map(length, samples)) + extra)


def length(sample) -> int:
    return len(sample.prompt_ids_T) + len(sample.token_ids_T)


def _rowed(samples, rows: list[list[int]], width: int) -> Rowed:
    shape = (len(rows), width)
    ids, sequence, positions = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1), torch.zeros(shape).long()
    keep = torch.zeros(shape, dtype=torch.bool)
    for row, members in enumerate(rows):
        at = 0
        for index in members:
            s = samples[index]
            end = at + length(s)
            ids[row, at:end] = torch.tensor([*s.prompt_ids_T, *s.token_ids_T])
            sequence[row, at:end] = index
            positions[row, at:end] = torch.arange(end - at)
            keep[row, at + len(s.prompt_ids_T) : end] = True
            at = end
        positions[row, at:] = torch.arange(width - at)
    return Rowed(samples=tuple(samples), ids_BT=ids, keep_BT=keep, sequence_BT=sequence, positions_BT=positions)
