"""From a recipe to the job that it describes: the one place where a plan reads recipe keys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1rl.planning import plan
from r1rl.planning.activations import Kernels
from r1rl.planning.cost import Workload
from r1rl.planning.hardware import Card
from r1rl.planning.layout import Layout
from r1rl.planning.memory import LearnerShape
from r1rl.planning.plan import Job
from r1rl.policy.layout import layout as tensors
from r1rl.recipe import Recipe

STATE_BYTES = {"adamw": 8, "adamw_cpu": 8, "adamw_8bit": 2}
HALF = 2
TYPICAL_PROMPT = 200  # tokens, where the recipe leaves room for more


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of prompts and answers: given, or guessed from the recipe's limits.

    >>> Lengths(prompt=24, answer=20, guessed=True).answer
    20
    """

    prompt: float
    answer: float
    guessed: bool


def lengths(recipe: Recipe, prompt: float | None, answer: float | None) -> Lengths:
    """As given, else: half of the longest answer, and a prompt of 200 tokens or what room there is."""
    room = max(1, recipe.policy.max_length - recipe.rollout.max_tokens)
    return Lengths(
        prompt=float(min(room, TYPICAL_PROMPT)) if prompt is None else prompt,
        answer=recipe.rollout.max_tokens / 2 if answer is None else min(answer, recipe.rollout.max_tokens),
        guessed=prompt is None or answer is None,
    )


def job(recipe: Recipe, fields: Mapping[str, Any], card: Card, tokens: Lengths) -> Job:
    """The recipe's job on cards of this kind."""
    bundle, settings = recipe.algorithm_bundle(), recipe.learner
    compute = HALF if recipe.policy.dtype in ("bfloat16", "float16") else 4
    if recipe.policy.dtype == "auto":
        compute = HALF if card.on_gpu else 4  # a CPU without AMX computes in float32
    old = bundle.needs_old and settings.updates_per_rollout > 1
    row = min(recipe.microbatch_tokens, math.ceil(recipe.samples_per_step * (tokens.prompt + tokens.answer)))
    longest = recipe.policy.max_length
    shape = LearnerShape(
        kernels=Kernels(compute_bytes=compute, flash=card.on_gpu and compute == HALF, longest=longest),
        row_tokens=row,
        trained=None if settings.lora is None else adapted(fields, settings.lora.rank, settings.lora.targets),
        state_bytes=STATE_BYTES[settings.optimizer],
        masters_on_host=settings.optimizer == "adamw_cpu" and card.on_gpu,
        recompute=settings.checkpointing,
        reference=bundle.kl > 0 and settings.lora is None,
        on_gpu=card.on_gpu,
    )
    work = Workload(
        samples=recipe.samples_per_step,
        group=recipe.rollout.group,
        prompt=tokens.prompt,
        answer=tokens.answer,
        longest=recipe.rollout.max_tokens,
        forwards=int(old) + int(bundle.kl > 0),
        recompute=settings.checkpointing,
        row_tokens=row,
    )
    return plan.job(
        fields,
        work,
        shape,
        steps=recipe.train.steps,
        prompts=recipe.rollout.prompts,
        updates=settings.updates_per_rollout,
        cache_gib=recipe.rollout.memory_gib,
    )


def layout(recipe: Recipe, cards: int) -> Layout:
    """The recipe's own layout."""
    split = recipe.rollout.options.get("tensor_parallel_size", 1)
    return Layout(
        cards=cards,
        ranks=recipe.learner.ranks,
        workers=recipe.rollout.workers,
        split=split if isinstance(split, int) and split > 0 else 1,
    )


def adapted(fields: Mapping[str, Any], rank: int, targets: tuple[str, ...]) -> int:
    """Parameters of LoRA adapters (arXiv 2106.09685 sec. 4.1): rank x (in + out) of each adapted linear layer."""
    total = 0
    for name, shape in tensors(fields).items():
        linear = len(shape) == 2 and name.endswith("_proj.weight") and ".experts." not in name
        chosen = not targets or name.split(".")[-2] in targets
        total += rank * sum(shape) if linear and chosen else 0
    return total
