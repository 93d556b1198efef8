"""Tables and plots from raw results, and from nothing else.

Without options it writes the tables between the marks of bench/README.md, and bench/plots/. With `--raw FOLDER` it only
prints what a folder of JSON says, for a first look; with `--unpack FOLDER` it first takes the archives that bench/gpu's
scripts made into bench/results.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench import learning, trace
from bench.gpu import machine

HERE = Path(__file__).parent
Result = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--raw", type=Path, help="a folder of JSON files")
    parser.add_argument("--unpack", type=Path, help="a folder of archives that bench/gpu's scripts made")
    options = parser.parse_args()
    if options.unpack:
        unpack(options.unpack)
    if options.raw:
        print(raw(read(options.raw)))
        return
    page = HERE / "README.md"
    text = page.read_text()
    for name, make in TABLES.items():
        text = between_marks(text, name, make())
    page.write_text(text)
    learning.plot(HERE / "results", HERE / "plots")
    trace.plot({name: r for name, r in read(HERE / "results" / "speed").items() if "trace" in r}, HERE / "plots")


ARCHIVES = {"speed": "json", "learning": "kept", "v3_100m": "kept"}


def unpack(folder: Path) -> None:
    """The part of each archive that is worth keeping, into a folder of bench/results with the archive's name."""
    for name, part in ARCHIVES.items():
        archive = folder / f"{name}.tgz"
        if archive.exists():
            with tempfile.TemporaryDirectory() as there, tarfile.open(archive) as tar:
                tar.extractall(there, filter="data")
                shutil.copytree(Path(there) / part, HERE / "results" / name, dirs_exist_ok=True)


def read(folder: Path) -> dict[str, Result]:
    """All JSON files of a folder, by name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def between_marks(text: str, name: str, table: str) -> str:
    """The page with another table between `<!-- NAME -->` and `<!-- /NAME -->`.

    >>> between_marks("a <!-- x -->old<!-- /x --> b", "x", "new")
    'a <!-- x -->\\nnew\\n<!-- /x --> b'
    """
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"the page has no marks {begin} … {end}")
    return pattern.sub(lambda _: f"{begin}\n{table}\n{end}", text)


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


def raw(results: dict[str, Result]) -> str:
    """Everything in one list, for a first look."""
    steps = {name: r for name, r in results.items() if "seconds_per_step" in r}
    rates = {name: r for name, r in results.items() if "tokens_per_second" in r}
    other = [name for name in results if name not in steps and name not in rates]
    head = ["part", "s/step", "samples/s", "rollout s", "learner s", "sync s", "reward s", "rest s", "rollout tok/s"]
    head += ["learner tok/s", "MFU", "GiB", "used", "reward first", "last"]
    lines = [table(head, [_step_row(name, r) for name, r in steps.items()])] if steps else []
    if rates:
        head = ["part", "tokens/s", "seconds", "GiB", "used"]
        lines.append(table(head, [_rate_row(name, r) for name, r in rates.items()]))
    return "\n\n".join([*lines, *(f"{name}: {_short(results[name])}" for name in other)])


def _step_row(name: str, r: Result) -> list[str]:
    seconds, rewards = r["seconds"], r["reward"]
    rest = r["seconds_per_step"] - sum(seconds.get(room, 0.0) for room in ("rollout", "learner", "sync", "reward"))
    return [
        name,
        number(r["seconds_per_step"], ".2f"),
        number(r["samples_per_second"]),
        *(number(seconds.get(room), ".2f") for room in ("rollout", "learner", "sync", "reward")),
        number(rest, ".2f"),
        number(r["rollout_tokens_per_second"]),
        number(r["learner_tokens_per_second"]),
        number(mfu(r), ".1%"),
        *_device(r),
        number(_mean(rewards[:3]), ".3f"),
        number(_mean(rewards[-3:]), ".3f"),
    ]


def _rate_row(name: str, r: Result) -> list[str]:
    seconds = " ".join(f"{s:.2f}" for s in r["seconds"])
    return [name, number(r["tokens_per_second"]), seconds, *_device(r)]


def _device(r: Result) -> list[str]:
    return [
        number(_memory(r), ".1f"),
        number(r.get("gpu/utilisation/mean"), ".0%"),
    ]


def _memory(r: Result) -> float | None:
    """GiB of the GPU: of the system alone where that is known, else of all that runs there."""
    own: float | None = r.get("gpu/memory/own_max_gib")
    return own if own and own > 0 else r.get("gpu/memory/max_gib")


def _short(r: Result) -> str:
    return ", ".join(f"{key} {value:,.4g}" for key, value in r.items() if isinstance(value, int | float))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


PARAMETERS = 134_515_008  # SmolLM2-135M: its embedding is also its head


def mfu(r: Result) -> float | None:
    """Model FLOPs utilisation of the learner: 6 N times the completion tokens it trained on, over the sheet's peak.

    Prompts go through the model too; they are left out, so this is a little less than what the GPU did.
    """
    peak = machine.limit(machine.FLOPS, " ".join(r["environment"]["gpus"]))
    return peak and 6 * PARAMETERS * r["learner_tokens_per_second"] / peak


SETTINGS = {"short": "64 prompts × 16 × 128 tokens", "long": "32 prompts × 16 × 1,024 tokens"}


def speed() -> str:
    """r1rl beside TRL."""
    found = read(HERE / "results" / "speed")
    rows = []
    for setting, told in SETTINGS.items():
        trl = _fastest(found, f"trl-{setting}")
        ours, asleep = _fastest(found, f"ours-{setting}"), found.get(f"ours-{setting}-sleep")
        for name, r in (("TRL 1.16", trl), ("r1rl", ours), ("r1rl, engines asleep while it learns", asleep)):
            if r is None:
                continue
            ratio = f"{r['samples_per_second'] / trl['samples_per_second']:.1f}×" if trl else "–"
            seconds = [number(r["seconds"].get(room), ".2f") for room in ("rollout", "learner", "sync")]
            rates = [number(r[key]) for key in ("rollout_tokens_per_second", "learner_tokens_per_second")]
            memory = number(_memory(r), ".0f")
            step = number(r["seconds_per_step"], ".2f")
            rows.append([told, name, step, *seconds, number(r["samples_per_second"]), ratio, *rates, memory])
    head = ["setting", "system", "s per step", "rollout s", "learner s", "sync s", "samples/s", "ratio"]
    return table([*head, "rollout tokens/s", "learner tokens/s", "GPU GiB"], rows)


def natural() -> str:
    """Time to the reward that both reach, from the same base."""
    found = read(HERE / "results" / "speed")
    systems = [("TRL 1.16", found.get("trl-natural")), ("r1rl", found.get("ours-natural"))]
    measured = [(name, r) for name, r in systems if r and r.get("steps")]
    goal = min((_smooth(r["reward"])[-1] for _, r in measured), default=0.0)
    rows = []
    for name, r in measured:
        smooth = _smooth(r["reward"])
        steps = next(i for i, reward in enumerate(smooth, SMOOTH) if reward >= goal)
        numbers = [number(x, ".3f") for x in (smooth[0], smooth[-1])]
        rows.append([name, number(r["seconds_per_step"], ".2f"), *numbers, number(goal, ".3f"), str(steps)])
        rows[-1].append(number(steps * r["seconds_per_step"], ".0f"))
    return table(["system", "s per step", "reward first", "last", "goal", "steps to it", "seconds to it"], rows)


LAYOUTS = {
    "ours-short": "one GPU for all, four engines (for comparison)",
    "two-short": "learner on one, one engine on the other, CUDA IPC",
    "two-short-nccl": "the same, NCCL",
    "two-short-spread": "learner on one, four engines on both, CUDA IPC",
    "two-short-ranks": "learner sharded over both, two engines on both, CUDA IPC",
}


def two() -> str:
    """The short setting on two GPUs."""
    found = read(HERE / "results" / "speed")
    rows = []
    for name, told in LAYOUTS.items():
        if name in found:
            r = found[name]
            seconds = [number(r["seconds"].get(room), ".2f") for room in ("rollout", "learner", "sync")]
            rates = [number(r[key]) for key in ("rollout_tokens_per_second", "learner_tokens_per_second")]
            step = number(r["seconds_per_step"], ".2f")
            rows.append([told, step, *seconds, number(r["samples_per_second"]), *rates])
    head = ["layout", "s per step", "rollout s", "learner s", "sync s", "samples/s"]
    return table([*head, "rollout tokens/s", "learner tokens/s"], rows)


SMOOTH = 3  # steps


def _smooth(rewards: Sequence[float]) -> list[float]:
    """Means of SMOOTH steps each.

    >>> _smooth([1.0, 2.0, 3.0, 7.0])
    [2.0, 4.0]
    """
    return [sum(rewards[i : i + SMOOTH]) / SMOOTH for i in range(len(rewards) - SMOOTH + 1)]


def limits() -> str:
    """Goals of the machine, and how far away they are."""
    found = read(HERE / "results" / "speed")
    rows = []
    for setting in SETTINGS:
        ours, alone = _fastest(found, f"ours-{setting}"), found.get(f"vllm-{setting}")
        told, bound = found.get(f"vllm-{setting}-logprobs"), found.get(f"memory-{setting}")
        if ours is None:
            continue
        rate = ours["rollout_tokens_per_second"]
        best = bound and bound["bound_tokens_per_second"]
        idle = trace.idle(ours["trace"]) if ours.get("trace", {}).get("busy") else None
        rows += [
            [
                setting,
                "rollouts, tokens/s",
                number(rate),
                "vLLM alone",
                *_of(rate, alone and alone["tokens_per_second"]),
            ],
            [setting, "", "", "vLLM alone, with log-probs", *_of(rate, told and told["tokens_per_second"])],
            [setting, "", "", "memory bandwidth", *_of(rate, best)],
            [setting, "learner, MFU", number(mfu(ours), ".1%"), "", "100%", number(mfu(ours), ".0%")],
            [setting, "sync, s", number(ours["seconds"]["sync"], ".3f"), "bytes / bandwidth", *_sync(ours, bound)],
            [setting, "longest idle of a step", number(idle, ".0%"), "", "0%", ""],
        ]
    return table(["setting", "what", "measured", "limit", "its value", "measured / limit"], rows)


def _of(rate: float, limit: Any) -> list[str]:
    return [number(limit), number(limit and rate / limit, ".0%")]


def _sync(ours: Result, bound: Result | None) -> list[str]:
    if not bound or not bound.get("bandwidth_copy"):
        return ["–", ""]
    least = 2 * bound["weights_bytes"] / bound["bandwidth_copy"]  # read and written once
    return [f"{least:.5f}", number(ours["seconds"]["sync"] / least) + "×"]


def _fastest(found: dict[str, Result], prefix: str) -> Result | None:
    some = [r for name, r in found.items() if name.startswith(prefix) and "sleep" not in name]
    return max((r for r in some if r.get("samples_per_second")), key=lambda r: r["samples_per_second"], default=None)


TABLES: dict[str, Callable[[], str]] = {
    "speed": speed,
    "natural": natural,
    "two": two,
    "limits": limits,
    "learning": lambda: learning.table_of(HERE / "results" / "learning", table),
}


if __name__ == "__main__":
    main()
