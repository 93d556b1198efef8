"""A learner that breaks things on command, for the tests that prove somebody notices."""

from __future__ import annotations

import dataclasses

import torch

from r1rl.learner import Learner
from r1rl.sync import Parcel


class PerturbingLearner(Learner):
    def perturb(self, part: str) -> int:
        """Adds noise to all tensors whose name contains `part`; returns how many."""
        self.kept = {name: tensor.clone() for name, tensor in self.policy.model.state_dict().items()}
        hit = [name for name in self.kept if part in name]
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for name in hit:
                tensor = self.policy.model.state_dict()[name]
                scale = max(0.3 if tensor.ndim == 1 else 0.05, float(tensor.float().std()))
                tensor.add_((torch.randn(tensor.shape, generator=generator) * scale).to(tensor.device))
        return len(hit)

    def restore(self) -> None:
        self.policy.model.load_state_dict(self.kept)

    def pack_changed(self, version: int, name: str) -> Parcel:
        """A parcel in which one value of one tensor changes after its digest was taken."""
        parcel = self.pack(version)
        slot = next(s for s in parcel.slots if s.name == name)
        self.outbox._buffer[slot.offset] ^= 1  # type: ignore[index]
        return parcel

    def pack_without(self, version: int, part: str) -> Parcel:
        """A parcel from which tensors are missing."""
        parcel = self.pack(version)
        return dataclasses.replace(parcel, slots=tuple(s for s in parcel.slots if part not in s.name))
