"""The teacher of an on-policy distillation: a Ray actor with a frozen policy that scores what a student wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from r1rl import actors, cluster, scoring
from r1rl.actors import Actor, wait_one
from r1rl.algorithm import Algorithm
from r1rl.chat import Tokenizer
from r1rl.cluster import Hardware
from r1rl.errors import UserError
from r1rl.output import redirect_output
from r1rl.packed import Freight
from r1rl.policy import model as policy_model
from r1rl.policy.scorer import Scorer
from r1rl.types import Sample, ScoredGroup


@dataclass(frozen=True, kw_only=True)
class TeacherSpec:
    """How to start a teacher.

    >>> TeacherSpec(folder=Path("big"), device="cpu", dtype="float32", threads=2, microbatch_tokens=8192,
    ...     log=Path("teacher.log")).device
    'cpu'
    """

    folder: Path
    device: str
    dtype: str  # of weights and compute
    threads: int
    microbatch_tokens: int
    log: Path


class Frozen:
    """A policy that only reads."""

    def __init__(self, spec: TeacherSpec) -> None:
        redirect_output(spec.log)
        torch.set_num_threads(spec.threads)
        self.spec = spec
        self.device = torch.device(spec.device)
        policy: Any = policy_model.load(spec.folder, policy_model.named_dtype(spec.dtype), self.device)
        self.scorer = Scorer(policy.eval().requires_grad_(False))

    def logprobs(self, samples: Sequence[Sample], temperature: float) -> list[tuple[float, ...]]:
        """Its log-prob of each completion token, in nats, sample by sample."""
        budget = self.spec.microbatch_tokens
        return scoring.logprobs(self.scorer, samples, temperature, budget=budget, device=self.device)

    def close(self) -> None:
        """Nothing has to be put away."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """The teacher as a giver of credit: the same call as `credit.assign`, without a look at the rewards."""

    actor: Actor
    temperature: float  # that the student samples at: both distributions are taken there
    deadline_s: float

    def assign(self, scored: Sequence[ScoredGroup], algorithm: Algorithm) -> list[Sample]:
        """The samples of a step, with the teacher's advantage at every token. Raises EngineError."""
        samples = [
            Sample(
                prompt_ids_T=group.group.prompt_ids_T,
                token_ids_T=c.token_ids_T,
                logprobs_T=c.logprobs_T,
                advantages_T=(0.0,) * len(c.token_ids_T),
            )
            for group in scored
            for c in group.group.completions_G
        ]
        call = self.actor.call("logprobs", Freight(samples), self.temperature)
        return taught(samples, wait_one(self.actor, call, self.deadline_s, "scoring the student's answers"))


def taught(samples: Sequence[Sample], teacher: Sequence[Sequence[float]]) -> list[Sample]:
    """Samples with A_t = log pi_teacher - log pi_student of each token, the student being who sampled it.

    >>> s = Sample(prompt_ids_T=(1,), token_ids_T=(5, 9), logprobs_T=(-1.0, -0.5), advantages_T=(0.0, 0.0))
    >>> taught([s], [(-0.25, -2.0)])[0].advantages_T
    (0.75, -1.5)
    """
    return [
        replace(s, advantages_T=tuple(t - own for t, own in zip(logprobs_T, s.logprobs_T, strict=True)))
        for s, logprobs_T in zip(samples, teacher, strict=True)
    ]


@contextmanager
def teacher(
    folder: Path, hw: Hardware, temperature: float, microbatch_tokens: int, deadline_s: float, log: Path
) -> Iterator[Teacher]:
    """A teacher, started; ended on leaving. Ray must be up."""
    spec = TeacherSpec(
        folder=folder.resolve(),
        device=hw.device,
        dtype=hw.dtype,
        threads=hw.threads,
        microbatch_tokens=microbatch_tokens,
        log=log.resolve(),
    )
    # No share of a GPU is asked for: learner and samplers have them all, and it sees them as they do.
    actor = actors.spawn(Frozen, spec, name="teacher", gpus=0.0, env={"OMP_NUM_THREADS": str(hw.threads)})
    try:
        yield Teacher(actor=actor, temperature=temperature, deadline_s=deadline_s)
    finally:
        cluster.stop([actor], "close")


def require_same_tokenizer(student: Tokenizer, teacher: Tokenizer) -> None:
    """Raises UserError unless every id means the same to both."""
    ours, theirs = student.get_vocab(), teacher.get_vocab()
    if ours == theirs and student.eos_token_id == teacher.eos_token_id:
        return
    odd = next((t for t in (*ours, *theirs) if ours.get(t) != theirs.get(t)), None)
    raise UserError(
        f"teacher and student have different tokenizers: {len(theirs)} and {len(ours)} tokens, "
        + (f"{odd!r} is {theirs.get(odd)} and {ours.get(odd)}" if odd is not None else "another end token"),
        "a teacher's probability of a token id is about another text then",
        "distil through text: `r1rl sample` from the teacher, and method: sft with these traces",
    )
