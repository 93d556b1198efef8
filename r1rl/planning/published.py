"""Runs that others have published, to hold a plan against. Their systems are others; the arithmetic is the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from r1rl.planning.plan import Plan


@dataclass(frozen=True, kw_only=True)
class Run:
    """One published number about a policy.

    >>> RUNS[0].says
    'one step of GRPO took 154 s (v0.4) and 93 s (v0.7) on 256 H100: 512 answers of 745 and 722 tokens'
    """

    family: str
    layers: int
    width: int
    says: str
    source: str


V3 = {"family": "deepseek_v3", "layers": 61, "width": 7168}
RUNS = (
    Run(
        **V3,  # type: ignore[arg-type]
        says="one step of GRPO took 154 s (v0.4) and 93 s (v0.7) on 256 H100: 512 answers of 745 and 722 tokens",
        source="NeMo RL, docs/about/performance-summary.md: Megatron, EP16 PP16, vLLM TP32, on-policy",
    ),
    Run(
        **V3,  # type: ignore[arg-type]
        says="learns 1,002 tokens/s per GPU at 25% MFU on 256 H100, sequences of 4,096",
        source="NeMo AutoModel, performance-summary.md: PP4 EP64, balanced gate",
    ),
    Run(
        **V3,  # type: ignore[arg-type]
        says="needs at least 96 H20 of 96 GB, the whole optimizer on the host: 1.6 TB of its memory per node of 8",
        source="verl, docs/perf/dpsk.md (OFFLOAD_FRACTION=1)",
    ),
    Run(
        family="llama",
        layers=32,
        width=4096,
        says="one step of GRPO took 97.7 s on 16 H100: 2,048 answers of 1,060 tokens, Llama 3.1 8B",
        source="NeMo RL v0.4, docs/about/performance-summary.md: Megatron, on-policy",
    ),
    Run(
        family="qwen3",
        layers=64,
        width=5120,
        says="one step of GRPO took 393 s on 32 H100: 2,048 answers of 3,206 tokens, Qwen3 32B",
        source="NeMo RL v0.4, docs/about/performance-summary.md: Megatron, vLLM TP4, on-policy",
    ),
)


def lines(p: Plan) -> Iterator[str]:
    """What has been published about the policy of a plan."""
    a = p.job.architecture
    for run in RUNS:
        if (run.family, run.layers, run.width) == (a.family, a.layers, a.width):
            yield f"published: {run.says}\n  [dim]{run.source}[/]"
