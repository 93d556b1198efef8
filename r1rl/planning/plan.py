"""A plan: a recipe on some cards, in numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from r1rl.engine.spec import FLASH_MLA_HEADS, SAMPLED_AT_ONCE
from r1rl.planning import cost, memory
from r1rl.planning.architecture import Architecture, read
from r1rl.planning.cost import Assumptions, Learning, Sampling, Workload
from r1rl.planning.hardware import Card
from r1rl.planning.layout import Layout
from r1rl.planning.memory import EngineShape, LearnerShape, Memory
from r1rl.planning.parameters import Parameters, count

GIB = 2**30
ROOM = 0.95  # of a card's memory: the rest is lost between blocks
HOST_GIB = 256  # of host memory for one card: hosts of 8 have some 2 TB
FLASH_HEAD = 256  # largest head size of the variable-length attention kernel


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is to be done, whatever it is done on: the policy, the work and the learner's settings."""

    architecture: Architecture
    parameters: Parameters
    work: Workload
    steps: int
    prompts: int
    updates: int
    learner: LearnerShape  # for one rank; a layout says how many there are
    cache_gib: float
    cached_values: int  # per token, as the engine keeps them

    @property
    def weight_bytes(self) -> int:
        return self.learner.kernels.compute_bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job on a layout."""

    job: Job
    card: Card
    layout: Layout
    rank: Memory
    engine: Memory
    held: int  # sequences that one engine's KV cache holds at once
    sampling: Sampling
    learning: Learning
    sync_s: float

    @property
    def step_s(self) -> float:
        return self.sampling.seconds + self.learning.seconds + self.sync_s

    @property
    def gpu_hours(self) -> float:
        return self.step_s * self.job.steps * self.layout.cards / 3600

    @property
    def fullest(self) -> float:
        """Bytes on the card that holds most."""
        if self.layout.together:
            return self.rank.on_card + self.layout.on_one * self.engine.on_card
        return max(self.rank.on_card, self.engine.on_card)

    @property
    def fits(self) -> bool:
        lasting = self.rank.on_host - self.rank.host.get("outbox", 0.0)  # that one exists once, not per rank
        host = HOST_GIB * GIB if self.card.on_gpu else math.inf
        return self.fullest <= ROOM * self.card.memory_gib * GIB and lasting <= host

    @property
    def idle(self) -> float:
        """Share of all card-seconds in which a card waits for the others."""
        if self.layout.together:
            return self.sync_s / self.step_s
        engines = self.layout.workers * self.layout.split
        busy = engines * self.sampling.seconds + self.layout.ranks * self.learning.seconds
        return 1 - busy / (self.step_s * self.layout.cards)


def job(fields: Mapping[str, Any], work: Workload, learner: LearnerShape, **own: Any) -> Job:
    """The job of a policy given by config.json's fields."""
    architecture = read(fields)
    complete = {"num_key_value_heads": architecture.kv_heads, **fields}
    cached = architecture.cached_values
    heads = (architecture.key_size - architecture.rope_size, architecture.value_size)
    if architecture.latent and learner.on_gpu and heads not in FLASH_MLA_HEADS:
        # no kernel takes such heads: the engine caches keys and values of every head, both of the key's size
        cached = architecture.layers * architecture.heads * 2 * architecture.key_size
    flash = learner.kernels.flash and architecture.key_size <= FLASH_HEAD
    shape = replace(learner, kernels=replace(learner.kernels, flash=flash))
    return Job(
        architecture=architecture,
        parameters=count(complete),
        work=work,
        learner=shape,
        cached_values=cached,
        **own,
    )


def plan(j: Job, card: Card, layout: Layout, how: Assumptions) -> Plan:
    """The numbers of a job on a layout."""
    a, p, w = j.architecture, j.parameters, j.work
    on_card = card.on_gpu and layout.cards == 1
    shape = replace(j.learner, ranks=layout.ranks, outbox_on_card=on_card, row_tokens=w.row_tokens)
    engine = EngineShape(
        weight_bytes=j.weight_bytes,
        cache_gib=j.cache_gib,
        cached_values=j.cached_values,
        cards=layout.split,
        on_gpu=card.on_gpu,
    )
    sequences = -(-w.samples // layout.workers)
    held = max(1, layout.split * memory.sequences_held(engine, w.prompt + w.answer))
    sampler = cost.Engine(
        card=card,
        cards=layout.split,
        weight_bytes=j.weight_bytes,
        cache_bytes=j.weight_bytes * j.cached_values,
        at_once=min(sequences, SAMPLED_AT_ONCE, held),
    )
    rounds = max(1, layout.on_one)  # engines on one card share its time
    sampled = cost.sampling(a, p, sampler, w, sequences, how)
    return Plan(
        job=j,
        card=card,
        layout=layout,
        rank=memory.learner(a, p, shape),
        engine=memory.engine(p, engine),
        held=held,
        sampling=sampled if rounds == 1 else sampled.times(rounds),
        learning=cost.learning(a, p, card, layout.ranks, j.weight_bytes, w, how),
        sync_s=cost.sync(p, card, layout.ranks, j.weight_bytes, on_card, how),
    )
