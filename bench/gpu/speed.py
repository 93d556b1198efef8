"""r1rl on one of the settings: python -m bench.gpu.speed short --policy FOLDER --workers 2 --out results/short.json.

Runs `r1rl train` as anybody would and reads its metrics. Seconds per step are wall time between the lines of
metrics.jsonl as they appear, so that whatever happens between the rooms of a step counts too; the first steps, in which
kernels compile, and the last, which ends in an evaluation, do not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from bench.gpu import machine
from bench.gpu.settings import BETAS, SEED, SETTINGS, WARM, Setting

ROOMS = ("rollout", "reward", "learner", "sync")
POLL_S = 0.005
STOP_S = 15.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="sampling engines; several share one GPU")
    parser.add_argument("--memory-gib", type=float, default=16, help="KV cache of each engine")
    parser.add_argument("--microbatch", type=int, default=None, help="tokens of one forward pass of the learner")
    parser.add_argument("--timeout", type=float, default=280)
    parser.add_argument("--set", nargs="*", default=[], help="more overrides of the recipe")
    options = parser.parse_args()
    setting = SETTINGS[options.setting]
    folder = Path(tempfile.mkdtemp(prefix="speed-"))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe(setting, options)))
    started = time.time()
    with machine.Watch() as watch:
        rows, stamps, code = train(folder, options.set, options.timeout)
    ended = time.time()
    numbers = summary(setting, rows, stamps)
    if numbers["steps"]:
        numbers |= {"seconds_to_first_step": stamps[0] - rows[0]["time/step"] - started}
        numbers |= {"seconds_after_last_step": ended - stamps[-1]}
        numbers |= watch.steps(stamps[WARM - 1 : WARM + numbers["steps"]])
    told = {key: str(value) for key, value in vars(options).items()}
    machine.write(
        options.out, {"system": "r1rl", "options": told, "exit": code, **numbers, "rows": rows, "stamps": stamps}
    )
    print(json.dumps({key: value for key, value in numbers.items() if key not in ("reward", "trace")}, indent=1))
    if code or not numbers["steps"]:
        print((folder / "out.log").read_text()[-3000:])
        sys.exit(1)


def recipe(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """The setting as a recipe. Right and wrong is always judged; in a setting about speed the coin is what pays."""
    coin = [] if setting.natural else [{"fn": "controls:coin", "weight": 1.0}]
    return {
        "name": f"speed-{setting.name}",
        "seed": SEED,
        "policy": {"path": str(options.policy), "max_length": setting.max_length},
        "data": {"source": "arithmetic", "options": dict(setting.options), "template": setting.template},
        "reward": [{"fn": "number:correct", "weight": float(setting.natural)}, *coin],
        "judge": {"workers": 8},
        "algorithm": {"name": "grpo", "kl": 0.0, "aggregation": "token", "correction": "none"},
        "rollout": {
            "workers": options.workers,
            "prompts": setting.prompts,
            "group": setting.group,
            "max_tokens": setting.max_tokens,
            "memory_gib": options.memory_gib,
        },
        "learner": {
            "lr": setting.lr,
            "betas": list(BETAS),
            **({"microbatch_tokens": options.microbatch} if options.microbatch else {}),
        },
        "gate": {"mean": 0.2},
        "train": {"steps": WARM + setting.steps + 1, "show": 0},
        "eval": {"problems": 16},
    }


def train(folder: Path, overrides: list[str], timeout: float) -> tuple[list[dict[str, float]], list[float], int]:
    """Rows of metrics.jsonl from step 1 on, when each of them appeared, and the exit code."""
    rows: list[dict[str, float]] = []
    stamps: list[float] = []
    done = threading.Event()
    follower = threading.Thread(target=_follow, args=(folder / "run" / "metrics.jsonl", rows, stamps, done))
    follower.start()
    command = [
        sys.executable,
        "-m",
        "r1rl",
        "train",
        str(folder / "recipe.yaml"),
        *overrides,
        "--out",
        str(folder / "run"),
    ]
    with open(folder / "out.log", "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends its actors by itself, if it can
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            code = 124
    done.set()
    follower.join()
    return rows, stamps, code


def _follow(path: Path, rows: list[dict[str, float]], stamps: list[float], done: threading.Event) -> None:
    while not done.is_set():
        time.sleep(POLL_S)
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        fresh = [json.loads(line) for line in whole][len(rows) + 1 :]  # the first line is step 0, before any step
        rows += fresh
        stamps += [time.time()] * len(fresh)


def summary(setting: Setting, rows: list[dict[str, float]], stamps: list[float]) -> dict[str, Any]:
    """Means over the timed steps."""
    timed = rows[WARM : WARM + setting.steps]
    if len(rows) > WARM + 1 and len(timed) == len(rows) - WARM:
        timed = timed[:-1]  # cut short: the last one may hold an evaluation
    if not timed:
        return {"setting": setting.name, "steps": 0}
    steps = len(timed)
    wall = [b - a for a, b in zip(stamps[WARM - 1 :], stamps[WARM : WARM + steps], strict=False)]
    rooms = {room: statistics.mean(row[f"time/{room}"] for row in timed) for room in ROOMS}
    tokens = statistics.mean(row["rollout/tokens/mean"] for row in timed) * setting.samples
    seconds = statistics.mean(wall)
    return {
        "setting": setting.name,
        "steps": steps,
        "seconds_per_step": seconds,
        "seconds_per_step_each": wall,
        "samples_per_second": setting.samples / seconds,
        "tokens_per_step": tokens,
        "seconds": rooms | {"between": seconds - sum(rooms.values())},
        "rollout_tokens_per_second": tokens / rooms["rollout"],
        "learner_tokens_per_second": tokens / rooms["learner"],
        "reward": [row["reward/value/mean"] for row in rows],
        "gap": statistics.mean(row["learner/gap/mean"] for row in timed),
    }


if __name__ == "__main__":
    main()
