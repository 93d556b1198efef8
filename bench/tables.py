"""Tables and plots from raw results, and from nothing else.

Without options it writes the tables between the marks of bench/README.md, and bench/plots/. With `--raw FOLDER` it only
prints what a folder of JSON says, for a first look; with `--unpack FOLDER` it first takes the archives that bench/gpu's
scripts made into bench/results.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import evaluations, learning, speeds, trace
from bench.speeds import HERE, Result, memory, mfu, number, read, table


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
    shown = {f"{host}: {name}": r for host, found in speeds.machines().items() for name, r in found.items()}
    trace.plot({name: r for name, r in shown.items() if name.endswith(TRACED)}, HERE / "plots")


TRACED = ("trl-short", "trl-long", "ours-short", "ours-long")
ARCHIVES = {
    "speed": ("json", "speed/new"),
    "learning": ("kept", "learning"),
    "v3_100m": ("kept", "v3_100m"),
    "v3_probe": ("kept", "v3_probe/new"),
    "controls": ("kept", "tiny/new"),
    "evals": ("published", "evaluations/new"),
}


def unpack(folder: Path) -> None:
    """The part of each archive that is worth keeping, into its folder of bench/results.

    Ends the process where there is none: nothing was measured.
    """
    found = {folder / f"{name}.tgz": places for name, places in ARCHIVES.items() if (folder / f"{name}.tgz").exists()}
    if not found:
        sys.exit(f"{folder} holds none of {', '.join(f'{name}.tgz' for name in ARCHIVES)}: the tables stay as they are")
    for archive, (part, to) in found.items():
        with tempfile.TemporaryDirectory() as there:
            shutil.unpack_archive(archive, there)
            shutil.copytree(Path(there) / part, HERE / "results" / to, dirs_exist_ok=True)


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
        number(memory(r), ".1f"),
        number(r.get("gpu/utilisation/mean"), ".0%"),
    ]


def _short(r: Result) -> str:
    return ", ".join(f"{key} {value:,.4g}" for key, value in r.items() if isinstance(value, int | float))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


TABLES: dict[str, Callable[[], str]] = {
    "speed": speeds.speed,
    "natural": speeds.natural,
    "two": speeds.two,
    "limits": speeds.limits,
    "learner": speeds.learner,
    "learner-cpu": speeds.learner_on_cpu,
    "sync": speeds.syncs,
    "v3_probe": speeds.v3_probe,
    "learning": lambda: learning.table_of(HERE / "results" / "learning", table),
    "v3_100m": lambda: learning.steps(HERE / "results" / "v3_100m", table),
    "tiny": lambda: learning.tiny(HERE / "results" / "tiny", table),
    "gsm8k": lambda: evaluations.stages(HERE / "results" / "learning", "gsm8k", table),
    "sets": lambda: evaluations.sets(HERE / "results" / "evaluations", table),
}


if __name__ == "__main__":
    main()
