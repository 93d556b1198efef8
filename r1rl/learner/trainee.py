"""The policy in training: the model, its scorer and its masters, on one rank or spread over several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from r1rl.learner.ranks import Ranks
from r1rl.learner.spec import LearnerSpec
from r1rl.policy import fusion, lora, sharding
from r1rl.policy import model as policy_model
from r1rl.policy.lora import Lora
from r1rl.policy.masters import Masters
from r1rl.policy.scorer import Scorer

if TYPE_CHECKING:
    from peft import LoraConfig


@dataclass(kw_only=True)
class Trainee:
    """A policy that can be trained."""

    model: Any
    scorer: Scorer
    masters: Masters
    adapters: LoraConfig | None  # None: all weights are trained

    def tensors(self) -> dict[str, torch.Tensor]:
        """All weights by name, masters where there are any: what a training needs to go on exactly."""
        return dict(self.model.state_dict()) | {name: p.data for name, p in self.masters.named.items()}


def load(folder: Path, spec: LearnerSpec, ranks: Ranks, adapted: Lora | None, masters_on_cpu: bool) -> Trainee:
    """A policy from its folder, ready to train.

    Raises UserError for adapters or a fusion that it has no place for.
    """
    scorer, adapters = _open(folder, spec, adapted)
    if spec.checkpointing:
        scorer.model.gradient_checkpointing_enable({"use_reentrant": False})
    masters = _place(scorer, spec, ranks, masters_on_cpu)
    return Trainee(model=scorer.model, scorer=scorer, masters=masters, adapters=adapters)


def load_frozen(folder: Path, spec: LearnerSpec, ranks: Ranks) -> Scorer:
    """A policy that is only asked for log-probs."""
    scorer, _ = _open(folder, spec, None)
    scorer.requires_grad_(False)
    _place(scorer, spec, ranks, masters_on_cpu=False)
    return scorer


def _open(folder: Path, spec: LearnerSpec, adapted: Lora | None) -> tuple[Scorer, LoraConfig | None]:
    model = policy_model.load(folder, torch.float32, torch.device("cpu"))
    adapters = lora.inject(model, adapted) if adapted else None
    return fusion.fused(model, spec.fusion), adapters


def _place(scorer: Scorer, spec: LearnerSpec, ranks: Ranks, masters_on_cpu: bool) -> Masters:
    device, dtype = torch.device(spec.device), policy_model.named_dtype(spec.dtype)
    if ranks.alone:
        scorer.to(device)
        return Masters.of(scorer.model, dtype, torch.device("cpu") if masters_on_cpu else device)
    sharding.shard(scorer, ranks.count, dtype, device, masters_on_cpu)
    return Masters.of_sharded(scorer.model)
