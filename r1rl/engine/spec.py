"""What a rollout engine is told: plain values, no vLLM, so that anyone can say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SAMPLED_AT_ONCE = 1024  # sequences that one engine decodes together at most
FLASH_MLA_HEADS = ((128, 128), (192, 256), (64, 128))  # (qk_nope_head_dim, v_head_dim) of vLLM 0.26's FlashAttention


@dataclass(frozen=True, kw_only=True)
class EngineSpec:
    """How to start one engine.

    >>> EngineSpec(worker=0, model=Path("m"), architecture="deepseek_v3", device="cpu", dtype="float32",
    ...     max_length=256, max_sequences=256, memory_gib=1.0, threads=2, log=Path("engine-0.log")).device
    'cpu'
    """

    worker: int
    model: Path  # a Hugging Face folder
    architecture: str  # config.json's model_type
    device: str  # "cpu" or "cuda"
    dtype: str  # "float32" or "bfloat16"
    max_length: int  # tokens, prompt plus completion
    max_sequences: int  # decoded at once
    memory_gib: float  # KV cache
    threads: int  # CPU threads of the engine's process
    log: Path
    version: int = -1  # the policy version `model` holds; -1: none yet, weights come by sync
    options: Mapping[str, object] = field(default_factory=dict)  # vLLM engine arguments that win over ours


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to sample. In training top-p stays 1: its truncation would change the distribution that the learner trains.

    >>> Sampling(samples=8, temperature=1.0, max_tokens=64, stop_ids=(0,)).samples
    8
    """

    samples: int  # per prompt
    temperature: float  # 0 is greedy
    max_tokens: int
    stop_ids: tuple[int, ...]
    top_p: float = 1.0
