"""Doing a pipeline: stage by stage, what is there already is not done again, and what was interrupted goes on."""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from r1rl import provenance
from r1rl.errors import UserError
from r1rl.pipeline import code
from r1rl.pipeline.plan import Known, chosen, is_here, know
from r1rl.pipeline.recipe import Pipeline
from r1rl.pipeline.stage import Kind, Stage, Work
from r1rl.provenance import Lineage


def run(
    console: Console,
    pipeline: Pipeline,
    kinds: Mapping[str, Kind],
    out: Path,
    first: str | None = None,
    last: str | None = None,
) -> dict[str, Path]:
    """Does the stages that are missing; the folder of each stage.

    Args:
        first: this stage, and all that is made of it, is done again; the stages before it must be there.
        last: the stage after which to stop.
    """
    stages, again = chosen(pipeline.stages, first, last)
    names = [stage.name for stage in stages]
    wanted = names[: names.index(first)] if first else []
    folders: dict[str, Path] = {}
    made: dict[str, Path] = {}
    with _held(out):
        for stage in stages:
            kind = kinds[stage.kind]
            known = know(stage, kind, out, made)
            if stage.name in wanted and not known.done:
                raise _missing(stage.name, str(first))
            if stage.name in again:
                _set_aside(known.folder)
            if known.done and stage.name not in again:
                console.print(f"{stage.name}: there already, {known.folder}", highlight=False)
            else:
                _do(console, stage, kind, known)
            folders[stage.name], made[stage.name] = known.folder, kind.product(known.folder)
    return folders


def plan(pipeline: Pipeline, kinds: Mapping[str, Kind], out: Path, first: str | None, last: str | None) -> list[str]:
    """One line for each stage: whether it is there, goes on or has to be done, and why. Nothing is written."""
    stages, again = chosen(pipeline.stages, first, last)
    made: dict[str, Path] = {}
    lines = []
    for stage in stages:
        waiting = [name for name in stage.parents.values() if name not in made and not is_here(name)]
        if stage.name in again:
            why = "--from" if stage.name == first else f"{', '.join(_among(stage, again))} is done again"
            state = f"again: {why}"
        elif waiting:
            state = f"to do: made of {', '.join(waiting)}"
        else:
            known = know(stage, kinds[stage.kind], out, made)
            state = _state(known)
            if known.done:
                made[stage.name] = kinds[stage.kind].product(known.folder)
        of = ", ".join(f"{role} {name}" for role, name in stage.parents.items())
        lines.append(f"{stage.name:<16} {stage.kind:<9} {of or '-':<40} {state}")
    return lines


def _do(console: Console, stage: Stage, kind: Kind, known: Known) -> None:
    start = time.monotonic()
    known.folder.mkdir(parents=True, exist_ok=True)
    console.rule(f"{stage.name} ({stage.kind})", align="left")
    paths = {role: Path(parent.path).resolve() for role, parent in known.parents.items()}
    numbers = kind.run(Work(stage=stage, folder=known.folder, parents=paths, console=console))
    provenance.write(
        known.folder,
        Lineage(
            kind=stage.kind,
            digest=provenance.digest(kind.product(known.folder)),
            parents=known.parents,
            recipe=stage.told,
            data=_data(stage),
            code=code.digest(kind.code, stage.files),
            key=known.key,
            numbers=numbers,
            seconds=round(time.monotonic() - start, 1),
        ),
    )


def _data(stage: Stage) -> str:
    """Of the source of problems: what the YAML says of it, and its file, which pins the rows of a published set."""
    if "data" not in stage.told:
        return ""
    files = [file for file in stage.files if file.parent.name == "data"]
    return hashlib.sha256(f"{stage.told['data']}{code.digest([], files)}".encode()).hexdigest()


class _held:
    """The pipeline's folder, held by one process at a time."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def __enter__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self._file = open(self.out / ".lock", "w")  # held as long as the pipeline runs
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"another process runs a pipeline in {self.out}", "they would do the same work twice", "wait for it"
            ) from error

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _set_aside(folder: Path) -> None:
    """Nothing is overwritten: the old artefact keeps its content under another name."""
    if folder.exists():
        folder.rename(folder.with_name(f"{folder.name}.before-{time.time_ns()}"))


def _missing(name: str, first: str) -> UserError:
    return UserError(
        f"--from {first}: the stage {name} before it is not there",
        "--from goes on with what is there",
        f"leave --from out, or name {name}",
    )


def _state(known: Known) -> str:
    if known.done:
        return f"there: {known.folder}"
    return f"goes on: {known.folder}" if known.folder.exists() else f"to do: {known.folder}"


def _among(stage: Stage, names: set[str]) -> list[str]:
    return [name for name in stage.parents.values() if name in names]
