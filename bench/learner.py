"""What the learner takes: tokens a second and peak memory of forward, backward and step, on a CPU or a GPU.

    python bench/learner.py                                     # a 135M Llama (SmolLM2's dimensions), random weights
    python bench/learner.py --policy FOLDER --lengths 1024 4096 --fusion none compile --out bench/results/learner.json

Answers are of unlike lengths, from a quarter of the length up to it. "padded" fills each up to the longest and counts
the real tokens only. MFU is 6 x parameters x tokens/s over 989 TFLOP/s (H100 and H200, dense bf16), so attention counts
as nothing; "mfu+" counts it (12 x layers x width x half the length, per token). Each row is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import random
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PEAK_FLOPS = 989e12  # dense bf16 of an H100 or H200 (NVIDIA's data sheet)
SMOLLM2_135M: dict[str, Any] = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "max_position_embeddings": 131072,
    "tie_word_embeddings": True,
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of the table."""

    policy: str
    device: str
    dtype: str
    length: int  # of the longest answer, prompt included
    tokens: int  # of one update, at least
    microbatch: int  # tokens of one forward pass
    padded: bool
    fusion: str
    checkpointing: bool
    lora: int  # rank; 0: all weights
    updates: int  # timed
    profile: str  # a folder for torch's profile of one more update; "": none


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a case took."""

    case: Case
    parameters: int
    tokens_per_s: float  # real tokens, prompts and answers
    seconds: float  # of one update
    peak_gib: float
    mfu: float
    mfu_with_attention: float


def measure(case: Case) -> Row:
    import torch

    from r1rl import algorithms
    from r1rl.learner import Learner, LearnerSpec
    from r1rl.loss import Totals
    from r1rl.policy.lora import Lora

    log = Path(tempfile.mkdtemp()) / "learner.log"
    spec = LearnerSpec(
        run_id="bench",
        device=case.device,
        dtype=case.dtype,
        transport="shm",
        threads=torch.get_num_threads(),
        microbatch_tokens=case.microbatch,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=log,
        checkpointing=case.checkpointing,
        fusion=case.fusion,
    )
    learner = Learner(spec)
    learner.load(Path(case.policy), "adamw", Lora(rank=case.lora, alpha=32.0, targets=()) if case.lora else None)
    samples, real = answers(case, learner.policy.model.config.vocab_size)
    totals = Totals.of(samples, case.length)
    algorithm = algorithms.get("dr_grpo")
    for _ in range(2):  # kernels compile, memory is taken
        learner.learn([samples], [totals], algorithm, [1e-6], 1.0)
    start = time.monotonic()
    for _ in range(case.updates):
        (sums,) = learner.learn([samples], [totals], algorithm, [1e-6], 1.0)
    seconds = (time.monotonic() - start) / case.updates
    if case.profile:
        profile(lambda: learner.learn([samples], [totals], algorithm, [1e-6], 1.0), case)
    parameters = sum(p.numel() for p in learner.policy.model.parameters())
    config = learner.policy.model.config
    attention = 12 * config.num_hidden_layers * config.hidden_size * case.length * 0.625 / 2  # mean length, causal
    flops = real / seconds / PEAK_FLOPS
    return Row(
        case=case,
        parameters=parameters,
        tokens_per_s=real / seconds,
        seconds=seconds,
        peak_gib=sums["max/peak_gib"],
        mfu=6 * parameters * flops,
        mfu_with_attention=(6 * parameters + attention) * flops,
    )


def profile(update: Callable[[], Any], case: Case) -> None:
    """Where the time of one update goes: a table of kernels, and how long the GPU had nothing to do."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as recorded

    start = time.monotonic()
    with recorded(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        update()
    seconds = time.monotonic() - start
    rows = found.key_averages()
    device = sum(row.self_device_time_total for row in rows if row.device_type == DeviceType.CUDA) / 1e6
    name = f"{case.length}-{'padded' if case.padded else 'packed'}-{case.fusion}.txt"
    Path(case.profile).mkdir(parents=True, exist_ok=True)
    (Path(case.profile) / name).write_text(
        f"{seconds:.2f} s with the profiler, of which kernels ran {device:.2f} s\n"
        + rows.table(sort_by="self_device_time_total", row_limit=45, max_name_column_width=90)
    )


def answers(case: Case, vocabulary: int) -> tuple[list[Any], int]:
    """(samples of one update, their real tokens)."""
    from r1rl.types import Sample

    rng, real = random.Random(0), 0
    samples: list[Sample] = []
    while real < case.tokens:
        length = case.length if not samples else rng.randint(case.length // 4, case.length)
        real += length
        prompt = min(64, length // 2) + (case.length - length if case.padded else 0)  # filled up in front: same cost
        tokens = length - min(64, length // 2)
        samples.append(
            Sample(
                prompt_ids_T=tuple(rng.randrange(vocabulary) for _ in range(prompt)),
                token_ids_T=tuple(rng.randrange(vocabulary) for _ in range(tokens)),
                logprobs_T=(-10.8,) * tokens,
                advantages_T=(rng.choice((-1.0, 1.0)),) * tokens,
            )
        )
    return samples, real


def made(folder: Path, layers: int) -> Path:
    """A Llama of SmolLM2-135M's dimensions with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from r1rl.policy import model as policy_model

    torch.manual_seed(0)
    config = LlamaConfig(**(SMOLLM2_135M | {"num_hidden_layers": layers}))
    policy_model.save(LlamaForCausalLM(config), torch.float32, folder)
    return folder


def show(rows: list[Row]) -> None:
    table = Table("length", "layout", "fusion", "recompute", "lora", "tokens/s", "s/update", "peak GiB", "mfu", "mfu+")
    for row in rows:
        c = row.case
        layout = "padded" if c.padded else "packed"
        numbers = f"{row.tokens_per_s:,.0f}", f"{row.seconds:.2f}", f"{row.peak_gib:.2f}"
        mfu = (f"{row.mfu:.1%}", f"{row.mfu_with_attention:.1%}") if c.device == "cuda" else ("", "")
        table.add_row(
            str(c.length), layout, c.fusion, "yes" if c.checkpointing else "", str(c.lora or ""), *numbers, *mfu
        )
    Console().print(table)


def main() -> None:
    import torch

    cuda = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, help="a Hugging Face folder; default: a 135M Llama, made here")
    parser.add_argument("--layers", type=int, default=30, help="of the one made here")
    parser.add_argument("--dtype", default="bfloat16" if cuda else "float32")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 4096, 16384] if cuda else [128, 512])
    parser.add_argument("--tokens", type=int, default=262_144 if cuda else 2_048, help="of one update")
    parser.add_argument("--microbatch", type=int, default=32_768 if cuda else 1_024, help="tokens of a forward pass")
    parser.add_argument("--fusion", nargs="+", default=["none"], choices=["none", "compile", "liger"])
    parser.add_argument("--layouts", nargs="+", default=["packed", "padded"], choices=["packed", "padded"])
    parser.add_argument("--checkpointing", nargs="+", default=["off"], choices=["off", "on"])
    parser.add_argument("--lora", type=int, nargs="+", default=[0], help="ranks of adapters; 0: all weights")
    parser.add_argument("--updates", type=int, default=3, help="timed, after two that are not")
    parser.add_argument("--profile", default="", help="a folder: torch's profile of one more update of each row")
    parser.add_argument("--out", type=Path, help="a JSON file for the rows")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        policy = args.policy or made(Path(folder), args.layers)
        cases = [
            Case(
                policy=str(policy),
                device="cuda" if cuda else "cpu",
                dtype=args.dtype,
                length=length,
                tokens=args.tokens,
                microbatch=max(args.microbatch, length),
                padded=layout == "padded",
                fusion=fusion,
                checkpointing=checkpointing == "on",
                lora=lora,
                updates=args.updates,
                profile=args.profile,
            )
            for length, fusion, checkpointing, lora, layout in product(
                args.lengths, args.fusion, args.checkpointing, args.lora, args.layouts
            )
        ]
        rows = []
        for case in cases:
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                rows.append(pool.apply(measure, (case,)))
                show(rows[-1:])
    show(rows)
    if args.out:
        machine = torch.cuda.get_device_name() if cuda else f"{platform.processor() or platform.machine()} CPU"
        said = {"machine": machine, "date": datetime.now(UTC).date().isoformat(), "torch": torch.__version__}
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(said | {"rows": [asdict(row) for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
