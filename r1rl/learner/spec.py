"""How a learner is started, and what it says about the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True)
class LearnerSpec:
    """How to start one rank of the learner.

    >>> LearnerSpec(run_id="a1", device="cpu", dtype="float32", transport="shm", threads=2, microbatch_tokens=8192,
    ...     betas=(0.9, 0.95), weight_decay=0.0, grad_clip=1.0, log=Path("learner.log")).ranks
    1
    """

    run_id: str
    device: str  # "cpu" or "cuda"
    dtype: str  # of compute and of what the sampler gets; masters are float32
    transport: str  # of weights to the samplers: "shm", "ipc", "gloo" or "nccl"
    threads: int
    microbatch_tokens: int
    betas: tuple[float, float]
    weight_decay: float
    grad_clip: float
    log: Path
    rank: int = 0
    ranks: int = 1
    deadline_s: float = 600.0  # for the ranks to meet
    checkpointing: bool = False  # activations are computed again in the backward pass instead of kept
    fusion: str = "none"  # "none", "compile" or "liger": who fuses the small operations


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far sampler and learner are apart about the same tokens, in nats.

    >>> Gap(mean=0.0002, max=0.01, tokens=7500).mean
    0.0002
    """

    mean: float
    max: float
    tokens: int

    @classmethod
    def of(cls, samples: Sequence[Sample], logprobs: Sequence[Sequence[float]]) -> Gap:
        """Between what the sampler said about the samples and the learner's log-probs of them.

        >>> s = Sample(prompt_ids_T=(1,), token_ids_T=(5, 9), logprobs_T=(-1.0, -0.5), advantages_T=(0.0, 0.0))
        >>> Gap.of([s], [(-1.5, -0.5)])
        Gap(mean=0.25, max=0.5, tokens=2)
        """
        gaps = [
            abs(own - sampled)
            for sample, row in zip(samples, logprobs, strict=True)
            for own, sampled in zip(row, sample.logprobs_T, strict=True)
        ]
        return cls(mean=sum(gaps) / len(gaps), max=max(gaps), tokens=len(gaps))
