"""The learner's peak memory against what `r1rl plan` says: one line of JSON.

    python -m bench.learner_memory tiny --rows 128 --length 64
    python -m bench.learner_memory smollm2-135m --rows 2 --length 256 --device cuda --dtype bfloat16

Two updates of two micro-batches each (the second has gradients and optimizer state to lie beside), with a weight sync
between them. On a GPU the peak is what torch allocated; on a CPU it is the largest resident size of this process above
what it had before it loaded the policy, with every block given back to the system as soon as it is free.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

MIB = 2**20
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # freed blocks go back at once
SMOLLM2_135M = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


def fields(name: str) -> dict[str, Any]:
    """config.json's fields of SmolLM2-135M's dimensions, or of a named size."""
    from r1rl.planning import policy

    return SMOLLM2_135M if name == "smollm2-135m" else dict(policy.fields(None, name))


def make(name: str, folder: Path) -> None:
    """Writes a policy with random weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from r1rl.policy import model

    own = fields(name)
    built = AutoModelForCausalLM.from_config(AutoConfig.for_model(own.pop("model_type"), **own))
    model.save(built, torch.bfloat16, folder)


def predicted(name: str, arguments: argparse.Namespace) -> float:
    """Bytes that the plan gives the card, CUDA's context left out, and on a CPU the outbox, which is memory too."""
    from r1rl.planning import memory
    from r1rl.planning.activations import Kernels
    from r1rl.planning.architecture import read
    from r1rl.planning.parameters import count

    on_gpu = arguments.device == "cuda"
    half = arguments.dtype == "bfloat16"
    shape = memory.LearnerShape(
        kernels=Kernels(compute_bytes=2 if half else 4, flash=on_gpu and half, longest=arguments.length),
        row_tokens=arguments.rows * arguments.length,
        recompute=arguments.checkpointing,
        outbox_on_card=True,
        on_gpu=False,
    )
    found = memory.learner(read(fields(name)), count(fields(name)), shape)
    return found.on_card


def measured(folder: Path, arguments: argparse.Namespace) -> float:
    """Bytes at the peak of the learner's own verbs."""
    import torch

    from r1rl.algorithms import get
    from r1rl.learner import Learner, LearnerSpec

    spec = LearnerSpec(
        run_id=f"memory-{os.getpid()}",
        device=arguments.device,
        dtype=arguments.dtype,
        transport="ipc" if arguments.device == "cuda" else "shm",
        threads=len(os.sched_getaffinity(0)),
        microbatch_tokens=arguments.rows * arguments.length,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=folder / "learner.log",
        checkpointing=arguments.checkpointing,
    )
    learner = Learner(spec)
    _warm_up(torch.device(arguments.device))
    start = _begin(arguments.device)
    learner.load(folder)
    algorithm = replace(get("grpo"), kl=0.0, reference_every=0)
    vocab = json.loads((folder / "config.json").read_text())["vocab_size"]
    for version in range(2):
        minibatches, totals = _work(arguments.rows, arguments.length, vocab)
        learner.learn(minibatches, totals, algorithm, [1e-5], 1.0)
        learner.pack(version)
    peak = _peak(arguments.device) - start
    learner.close()
    return peak


def _work(rows: int, length: int, vocab: int) -> tuple[Any, Any]:
    """One mini-batch of two micro-batches, and its totals."""
    from r1rl.loss import Totals
    from r1rl.types import Sample

    prompt = length // 4
    ids = tuple(i * 7919 % vocab for i in range(length))
    own = length - prompt
    sample = Sample(
        prompt_ids_T=ids[:prompt], token_ids_T=ids[prompt:], logprobs_T=(-1.0,) * own, advantages_T=(1.0,) * own
    )
    samples = [sample] * (2 * rows)
    return [samples], [Totals(tokens=own * len(samples), sequences=len(samples), max_tokens=own)]


def _warm_up(device: Any) -> None:
    """What a first product loads and sets aside is not the policy's."""
    import torch

    a = torch.randn(64, 64, device=device, requires_grad=True)
    torch.nn.functional.silu(a @ a).sum().backward()


def _begin(device: str) -> int:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
        return 0
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    return _status("VmRSS")


def _peak(device: str) -> int:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return _status("VmHWM")


def _status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("policy", help="a named size, or smollm2-135m")
    parser.add_argument("--rows", type=int, default=2, help="sequences of a micro-batch")
    parser.add_argument("--length", type=int, default=256, help="tokens of each")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--checkpointing", action="store_true")
    arguments = parser.parse_args()
    if not os.environ.items() >= AT_ONCE.items():  # glibc reads them when a process starts
        os.execve(sys.executable, [sys.executable, "-m", "bench.learner_memory", *sys.argv[1:]], os.environ | AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(arguments.policy, Path(folder)))
        maker.start()
        maker.join()
        said = predicted(arguments.policy, arguments)
        out = os.dup(1)  # the learner sends its own output to its log
        found = measured(Path(folder), arguments)
    result = {"predicted_mib": round(said / MIB), "measured_mib": round(found / MIB), "ratio": round(said / found, 3)}
    os.write(out, (json.dumps(vars(arguments) | result) + "\n").encode())


if __name__ == "__main__":
    main()
