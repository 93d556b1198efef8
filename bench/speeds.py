"""The tables of bench/README.md about speed: r1rl beside TRL, how far the limits are, and what two GPUs change.

Results lie in bench/results/speed, a folder for each machine: hosts differ by a third and more, so a table says which
one a row was measured on.
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import trace
from bench.gpu import machine
from bench.gpu.settings import WARM

HERE = Path(__file__).parent
ELSEWHERE = "other-hosts"  # older results, kept to be read
Result = dict[str, Any]


def read(folder: Path) -> dict[str, Result]:
    """All JSON files of a folder, by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def number(value: float | None, form: str = ",.0f") -> str:
    """A number for a table; a dash where nothing was measured.

    >>> number(48211.3), number(0.1234, ".2f"), number(None)
    ('48,211', '0.12', '–')
    """
    return "–" if value is None else format(value, form)


def memory(r: Result) -> float | None:
    """GiB of the GPU: of the system alone where that is known, else of all that runs there."""
    own: float | None = r.get("gpu/memory/own_max_gib")
    return own if own and own > 0 else r.get("gpu/memory/max_gib")


PARAMETERS = 134_515_008  # SmolLM2-135M: its embedding is also its head


def mfu(r: Result) -> float | None:
    """Model FLOPs utilisation of the learner: 6 N times the completion tokens it trained on, over the sheet's peak.

    Prompts go through the model too; they are left out, so this is a little less than what the GPU did.
    """
    peak = machine.limit(machine.FLOPS, " ".join(r["environment"]["gpus"]))
    return peak and 6 * PARAMETERS * r["learner_tokens_per_second"] / peak


def machines() -> dict[str, dict[str, Result]]:
    """Results of each machine, by name."""
    folders = sorted(path for path in (HERE / "results" / "speed").iterdir() if path.is_dir())
    return {folder.name: read(folder) for folder in folders if folder.name != ELSEWHERE}


SETTINGS = {"short": "64 prompts × 16 × 128 tokens", "long": "32 prompts × 16 × 1,024 tokens"}


SYSTEMS = {"trl-{}": "TRL 1.16", "ours-{}": "r1rl", "ours-{}-sleep": "r1rl, engines asleep while it learns"}


def measured(setting: str) -> list[tuple[str, str, Result]]:
    """(system, machine, result) of all that were measured in a setting."""
    rows = []
    for name, system in SYSTEMS.items():
        for host, found in machines().items():
            result = found.get(name.format(setting))
            if result and result["steps"]:
                rows.append((system, host, result))
    return rows


def _step(r: Result) -> list[str]:
    """Mean and median seconds of a step."""
    return [number(r["seconds_per_step"], ".2f"), number(statistics.median(r["seconds_per_step_each"]), ".2f")]


def _rooms(r: Result) -> list[str]:
    return [number(r["seconds"].get(room), ".2f") for room in ("rollout", "learner", "sync")]


def _rates(r: Result) -> list[str]:
    return [number(r[key]) for key in ("rollout_tokens_per_second", "learner_tokens_per_second")]


def speed() -> str:
    """r1rl beside TRL."""
    rows = []
    for setting, told in SETTINGS.items():
        some = measured(setting)
        trl = {host: r["samples_per_second"] for system, host, r in some if "TRL" in system}
        for system, host, r in some:
            rate = r["samples_per_second"]
            ratio = f"{rate / trl[host]:.1f}×" if host in trl else "–"
            rows.append([told, system, host, *_step(r), *_rooms(r), number(rate), ratio, *_rates(r), number(memory(r))])
    head = ["setting", "system", "machine", "s per step", "median", "rollout s", "learner s", "sync s", "samples/s"]
    return table([*head, "ratio", "rollout tokens/s", "learner tokens/s", "GPU GiB"], rows)


def natural() -> str:
    """Time to the reward that both reach, from the same base."""
    some = measured("natural")
    goal = min((_smooth(r["reward"])[-1] for _, _, r in some), default=0.0)
    rows = []
    for system, host, r in some:
        smooth = _smooth(r["reward"])
        steps = next(i for i, reward in enumerate(smooth, SMOOTH) if reward >= goal)
        rewards = [number(x, ".3f") for x in (smooth[0], smooth[-1], goal)]
        rows.append([system, host, *_step(r), *rewards, str(steps), number(steps * r["seconds_per_step"])])
    head = ["system", "machine", "s per step", "median", "reward first", "last", "goal", "steps to it", "seconds to it"]
    return table(head, rows)


SMOOTH = 3  # steps


def _smooth(rewards: Sequence[float]) -> list[float]:
    """Means of SMOOTH steps each.

    >>> _smooth([1.0, 2.0, 3.0, 7.0])
    [2.0, 4.0]
    """
    return [sum(rewards[i : i + SMOOTH]) / SMOOTH for i in range(len(rewards) - SMOOTH + 1)]


LAYOUTS = {
    "ours-short": "one GPU for all, four engines (for comparison)",
    "two-short": "learner on one, one engine on the other, CUDA IPC",
    "two-short-nccl": "the same, NCCL",
    "two-short-spread": "learner on one, four engines on both, CUDA IPC",
    "two-short-ranks": "learner sharded over both, two engines on both, CUDA IPC",
}


def two() -> str:
    """The short setting on two GPUs of one host."""
    rows = [
        [told, host, *_step(found[name]), *_rooms(found[name]), number(found[name]["samples_per_second"])]
        for host, found in machines().items()
        if any(name.startswith("two-short") for name in found)
        for name, told in LAYOUTS.items()
        if name in found
    ]
    return table(["layout", "machine", "s per step", "median", "rollout s", "learner s", "sync s", "samples/s"], rows)


def syncs() -> str:
    """How long engines take to receive a version, in place and through vLLM's layerwise reload: medians and ranges."""
    rows = [
        [row["way"], host, *(_spread(row[part]) for part in ("pack", "receive"))]
        for host, found in {"two CPU cores": on_cpu(), **machines()}.items()
        for row in found.get("sync", {"rows": []})["rows"]
    ]
    return table(["way", "machine", "packed in s", "received in s"], rows)


def _spread(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.3f} ({min(seconds):.3f} to {max(seconds):.3f})"


def on_cpu() -> dict[str, Result]:
    return read(HERE / "results" / "cpu")


PROBE = re.compile(r"== (.+): start.*call 3: ([\d,]+) tokens/s, gap ([\d.]+)(?:.*gap replayed ([\d.]+))?")


def v3_probe() -> str:
    """DeepSeek-V3 in vLLM, each variant by itself: what bench/gpu/v3_probe.sh said of those that worked."""
    rows = [
        [*(found.group(1, 2, 3)), found.group(4) or "–", file.parent.name]
        for file in sorted((HERE / "results" / "v3_probe").glob("*/v3_probe.txt"))
        for found in map(PROBE.match, file.read_text().splitlines())
        if found
    ]
    return table(["variant", "tokens/s, third call", "gap", "gap with the sampler's experts (R3)", "machine"], rows)


def learner_on_cpu() -> str:
    """The learner on two cores: packed and padded."""
    rows = [
        [
            number(row["case"]["length"]),
            "padded" if row["case"]["padded"] else "packed",
            number(row["tokens_per_s"]),
            number(row["seconds"], ".1f"),
            number(row["peak_gib"], ".1f"),
        ]
        for row in on_cpu()["learner"]["rows"]
    ]
    return table(["longest answer", "layout", "tokens/s", "s per update", "peak GiB (whole process)"], rows)


def learner() -> str:
    """What the learner alone does, on sequences of up to so many tokens."""
    rows = [
        [
            number(row["case"]["length"]),
            row["case"]["fusion"],
            host,
            number(row["tokens_per_s"]),
            number(row["seconds"], ".2f"),
            number(row["peak_gib"], ".1f"),
            number(row["mfu"], ".1%"),
            number(row["mfu_with_attention"], ".1%"),
        ]
        for host, found in machines().items()
        for row in found.get("learner", {"rows": []})["rows"]
    ]
    head = [
        "longest answer",
        "fusion",
        "machine",
        "tokens/s",
        "s per update",
        "peak GiB",
        "MFU",
        "with attention's FLOPs",
    ]
    return table(head, rows)


def limits() -> str:
    """Goals of the machine, and how far away they are."""
    return table(
        ["setting", "machine", "what", "measured", "limit", "its value", "measured / limit"],
        [row for setting in SETTINGS for host, found in machines().items() for row in _limits(setting, host, found)],
    )


def _limits(setting: str, host: str, found: dict[str, Result]) -> list[list[str]]:
    ours, bound = found.get(f"ours-{setting}"), found.get(f"memory-{setting}")
    if ours is None:
        return []
    alone, told = found.get(f"vllm-{setting}"), found.get(f"vllm-{setting}-logprobs")
    rate, share = ours["rollout_tokens_per_second"], mfu(ours | {"learner_tokens_per_second": _typical(ours)})
    traced = ours.get("trace", {}).get("busy")
    idle = number(trace.idle(ours["trace"]) if traced else None, ".1%")
    limits = {
        "vLLM alone": alone and alone["tokens_per_second"],
        "vLLM alone, with log-probs": told and told["tokens_per_second"],
        "memory bandwidth": bound and bound["bound_tokens_per_second"],
    }
    rows = [["rollouts, tokens/s", number(rate), name, *_of(rate, x)] for name, x in limits.items() if x]
    rows += [
        ["learner, MFU of the median step", number(share, ".1%"), "", "100%", ""],
        ["sync, s", number(ours["seconds"]["sync"], ".3f"), "bytes / bandwidth", *_sync(ours, bound)],
        ["longest idle of a step, at most", idle, "", "0%", ""],
    ]
    return [[setting, host, *row] for row in rows]


def _typical(r: Result) -> float:
    """The learner's tokens a second in the median step: one in which something is compiled doesn't count."""
    timed = r["rows"][WARM : WARM + r["steps"]]
    tokens: float = r["tokens_per_step"]
    return tokens / statistics.median(row["time/learner"] for row in timed)


def _of(rate: float, limit: float) -> list[str]:
    return [number(limit), number(rate / limit, ".0%")]


def _sync(ours: Result, bound: Result | None) -> list[str]:
    if not bound or not bound.get("bandwidth_copy"):
        return ["–", ""]
    least = 2 * bound["weights_bytes"] / bound["bandwidth_copy"]  # read and written once
    return [f"{least:.5f}", number(ours["seconds"]["sync"] / least) + "×"]
