"""How long weights take to engines, loaded in place and through vLLM's layerwise reload, one way after the other.

    python -m bench.sync [--policy FOLDER] [--workers 4] [--rounds 9] [--out FILE]

Without a policy: a thin Llama of 30 layers, 272 tensors, so that it is Python that takes the time and not the bytes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from bench.gpu import machine
from r1rl import actors, cluster
from r1rl.cluster import Fleet, Hardware
from r1rl.learner import Learner, LearnerSpec

WAYS = {"in place": "bench.unpacked.Worker", "layerwise reload": "bench.reloading.Worker"}
PATIENCE_S = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.policy and not (options.policy / "config.json").exists():
        parser.error(f"{options.policy} holds no policy: there is no config.json in it")
    root = Path(tempfile.mkdtemp(prefix="sync-"))
    policy = options.policy or thin(root / "policy")
    rows = []
    with cluster.connected(None):
        hw = cluster.hardware("auto")
        own, _ = hw.shares(1, options.workers)
        learner = actors.spawn(Learner, learner_spec(hw, root, options.workers), name="learner", gpus=own, env={})
        actors.wait_one(learner, learner.call("load", policy), PATIENCE_S, "loading")
        for way, worker in WAYS.items():
            rows.append({"way": way, **measure(learner, hw, policy, worker, options, root)})
            print(told(rows[-1]), flush=True)
    if options.out:
        said = {"system": "sync", "policy": str(options.policy or "thin"), "workers": options.workers}
        machine.write(options.out, said | {"rows": rows})


def measure(
    learner: actors.Actor, hw: Hardware, policy: Path, worker: str, options: argparse.Namespace, root: Path
) -> dict[str, list[float]]:
    """Seconds of each round: packing, and until the last engine has proven that it holds the weights."""
    fleet = Fleet(
        workers=options.workers,
        max_length=256,
        max_sequences=16,
        memory_gib=0.25,
        options={"worker_extension_cls": worker},
    )
    model = json.loads((policy / "config.json").read_text())["model_type"]
    seconds: dict[str, list[float]] = {"pack": [], "receive": []}
    with cluster.engines(fleet, hw, policy, model, root) as engines:
        rollouts = cluster.rollouts(engines, [engine.call("start") for engine in engines], PATIENCE_S, PATIENCE_S)
        for version in range(options.rounds):
            start = time.perf_counter()
            parcel = learner.call("pack", version)
            actors.wait_one(learner, parcel, PATIENCE_S, "packing")
            packed = time.perf_counter()
            rollouts.sync(parcel)
            seconds["pack"].append(packed - start)
            seconds["receive"].append(time.perf_counter() - packed)
    return seconds


def told(row: dict) -> str:
    """
    >>> told({"way": "in place", "pack": [0.3, 0.1, 0.1], "receive": [0.5, 0.2, 0.3]})
    'in place: packed in 0.100 s, received in 0.300 s (medians of 3; 0.200 to 0.500)'
    """
    pack, receive = (statistics.median(row[part]) for part in ("pack", "receive"))
    span = f"{min(row['receive']):.3f} to {max(row['receive']):.3f}"
    return f"{row['way']}: packed in {pack:.3f} s, received in {receive:.3f} s (medians of {len(row['pack'])}; {span})"


def learner_spec(hw: Hardware, root: Path, workers: int) -> LearnerSpec:
    return LearnerSpec(
        run_id=f"sync-{root.name}",
        device=hw.device,
        dtype=hw.dtype,
        transport=hw.transport(1, workers),
        threads=hw.threads,
        microbatch_tokens=1024,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=root / "learner.log",
    )


def thin(folder: Path) -> Path:
    """A Llama with as many tensors as SmolLM2-135M and few values."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=30,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        vocab_size=512,
        max_position_embeddings=256,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
