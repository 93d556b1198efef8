"""What companions read of a micro-batch and of an optimizer step: protocols, so that they need no learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch

from r1rl.types import Sample


class Rows(Protocol):
    """One micro-batch of B rows of T positions: samples side by side or packed one after the other, never split.

    Two samples of 3 and 2 tokens in one packed row of 6: sequence_BT is [[0, 0, 0, 1, 1, -1]].
    """

    @property
    def samples(self) -> Sequence[Sample]: ...

    @property
    def ids_BT(self) -> torch.Tensor: ...  # int64

    @property
    def keep_BT(self) -> torch.Tensor: ...  # bool: completion tokens

    @property
    def sequence_BT(self) -> torch.Tensor: ...  # int64: place in `samples` of the position's sample, -1 for padding


class Counts(Protocol):
    """What the whole optimizer step holds, over its micro-batches and ranks."""

    @property
    def tokens(self) -> int: ...  # of completions

    @property
    def sequences(self) -> int: ...


def starts(sequence_BT: torch.Tensor) -> torch.Tensor:
    """True at the first position of each sample. Shape [B, T].

    >>> starts(torch.tensor([[0, 0, 1, -1]])).tolist()
    [[True, False, True, False]]
    """
    before = torch.nn.functional.pad(sequence_BT[:, :-1], (1, 0), value=-1)
    return (sequence_BT != before) & (sequence_BT >= 0)
