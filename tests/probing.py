"""A learner that keeps the gradients of its last update, and one that can be told to hang or die."""

from __future__ import annotations

import os
import time
from typing import Any

import torch

from r1rl.learner import Learner
from r1rl.loss import Totals
from r1rl.policy.tensors import whole


class ProbingLearner(Learner):
    """Ranks of a learner whose gradients can be looked at."""

    local = False  # whether it makes the mistake of dividing by its own share of the update

    def load(self, *arguments: Any) -> int:
        updates = super().load(*arguments)
        self.gradients: dict[str, torch.Tensor] = {}
        step = self.optimizer.step

        def looking(lr: float) -> None:
            masters = self.policy.masters.named
            self.gradients = {name: whole(p.grad).cpu().clone() for name, p in masters.items() if p.grad is not None}
            step(lr)

        self.optimizer.step = looking  # type: ignore[method-assign]
        return updates

    def learn(self, minibatches: Any, totals: Any, *arguments: Any) -> Any:
        if self.local:
            totals = [Totals.of(own, total.max_tokens) for own, total in zip(minibatches, totals, strict=True)]
        return super().learn(minibatches, totals, *arguments)

    def divide_locally(self, local: bool) -> None:
        self.local = local

    def last_gradients(self) -> dict[str, torch.Tensor]:
        return self.gradients

    def weights(self) -> dict[str, torch.Tensor]:
        """All there is to go on from, whole."""
        named = self.policy.tensors() | {f"optimizer/{key}": t for key, t in self.optimizer.tensors().items()}
        return {name: whole(tensor.detach()).cpu().clone() for name, tensor in named.items()}

    def held(self) -> int:
        """Bytes of parameters on this rank."""
        from torch.distributed.tensor import DTensor

        parts = [p.to_local() if isinstance(p, DTensor) else p for p in self.policy.model.parameters()]
        return sum(p.numel() * p.element_size() for p in parts)

    def hang(self) -> None:
        time.sleep(600)

    def die(self) -> None:
        os._exit(1)
