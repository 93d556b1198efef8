"""Checkpoints of a run: each a plain Hugging Face folder, complete or absent, never half-written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from r1rl.run import write_atomically

STATE = "r1rl.json"
BEST = "best.json"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run stands. With the weights and the folder `trainer` beside it, all that going on exactly needs: every
    random draw is derived from the recipe's seed and these counters.

    >>> Place(step=40, version=41, position=1280).step
    40
    """

    step: int  # steps done
    version: int  # policy version the samplers hold after it
    position: int  # ordinal of the next training problem


def folder(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step-{step:06d}"


def write(run: Path, place: Place, save: Callable[[Path], None]) -> Path:
    """Lets `save` fill a temporary folder, then renames it: a crash leaves no folder that looks complete.

    Whatever goes wrong (a full disk), the temporary folder is removed: its space is needed.
    """
    final = folder(run, place.step)
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        save(partial)
        (partial / STATE).write_text(json.dumps(asdict(place)))
        _flush(partial)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if final.exists():
        shutil.rmtree(final)  # written after this point by the run that was stopped: the same step, the same bytes
    partial.rename(final)
    return final


def read(checkpoint: Path) -> Place:
    return Place(**json.loads((checkpoint / STATE).read_text()))


def latest(run: Path) -> Path | None:
    """The newest complete checkpoint of a run, or None."""
    found = [p for p in (run / "checkpoints").glob("step-*") if p.suffix != ".partial" and (p / STATE).is_file()]
    return max(found, key=lambda path: int(path.name.removeprefix("step-")), default=None)


def is_best(rows: Sequence[Mapping[str, float]], step: int) -> bool:
    """Was the held-out accuracy of this step's policy higher than after any step before it?

    Only trained policies compete: the base (step 0) has no checkpoint.
    """
    found = {int(row["step"]): row["eval/accuracy"] for row in rows if "eval/accuracy" in row and row["step"] > 0}
    return step in found and all(found[step] > value for other, value in found.items() if other < step)


def name_best(run: Path, step: int) -> None:
    """Points best.json to a step's checkpoint."""
    write_atomically(run / BEST, json.dumps({"step": step}))


def best(run: Path) -> Path | None:
    """The checkpoint with the highest held-out accuracy of a run so far, or None."""
    if not (run / BEST).is_file():
        return None
    return folder(run, json.loads((run / BEST).read_text())["step"])


def _flush(place: Path) -> None:
    # Without it a power cut after the rename can leave a complete-looking folder of empty files.
    for path in place.rglob("*"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
