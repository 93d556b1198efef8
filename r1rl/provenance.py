"""Where an artefact comes from: a small file beside it, which names its parents, and theirs name their own.

lineage.json is written last, all of it or nothing: a folder that has one is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from r1rl.errors import UserError
from r1rl.run import revision, write_atomically

FILE = "lineage.json"
BLOCK = 1 << 24  # bytes hashed at once
CONTENT = ("*.safetensors", "*.bin", "config.json", "data/*.parquet", "results.json", "*/results.json")


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """One artefact's origin.

    >>> Lineage(kind="reject", digest="3c…", parents={"traces": Parent(path="out/traces", digest="9a…")}).kind
    'reject'
    """

    kind: str  # what made it: "train", "sample", "reject", "distill", "evaluate"
    digest: str  # of its content
    parents: Mapping[str, Parent] = field(default_factory=dict)  # by their part in it: "policy", "teacher", "traces"
    recipe: Mapping[str, Any] = field(default_factory=dict)  # what it was told
    data: str = ""  # sha256 of the problems or rows it was made of; empty where the recipe says it all
    code: str = ""  # digest of the code that made it
    key: str = ""  # of all inputs; by it a pipeline knows it again
    numbers: Mapping[str, float] = field(default_factory=dict)  # what was measured of it
    revision: str = ""
    command: str = ""
    made: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Parent:
    """An artefact that another one was made of.

    >>> Parent(path="org/base", digest="77…").path
    'org/base'
    """

    path: str
    digest: str


def write(folder: Path, lineage: Lineage) -> None:
    """Writes it beside the artefact, with revision, command and date.

    Parents on this machine are named from the artefact's folder on: they are found from anywhere, and moved together.
    """
    parents = {
        role: replace(parent, path=os.path.relpath(parent.path, folder)) if Path(parent.path).exists() else parent
        for role, parent in lineage.parents.items()
    }
    made = time.strftime("%Y-%m-%d %H:%M:%S %z")
    stamped = replace(lineage, parents=parents, revision=revision(), command=" ".join(sys.argv), made=made)
    write_atomically(folder / FILE, json.dumps(asdict(stamped), indent=1, default=str) + "\n")


def read(folder: Path) -> Lineage | None:
    """The lineage of a folder that has one."""
    if not (folder / FILE).is_file():
        return None
    row = json.loads((folder / FILE).read_text())
    parents = {
        role: Parent(**parent | {"path": _found(folder, parent["path"])}) for role, parent in row["parents"].items()
    }
    return Lineage(**row | {"parents": parents})


def _found(folder: Path, path: str) -> str:
    return os.path.normpath(folder / path) if (folder / path).exists() else path


def find(path: Path) -> tuple[Path, Lineage] | None:
    """The artefact that a path is, or lies in: a checkpoint lies in its run."""
    for folder in (path, *path.resolve().parents):
        found = read(folder)
        if found is not None:
            return folder, found
    return None


def digest(folder: Path) -> str:
    """sha256 over what an artefact is, by file name: weights and config, shards of traces, results.

    Raises UserError for a folder without any of these.
    """
    total = hashlib.sha256()
    files = sorted({file for pattern in CONTENT for file in folder.glob(pattern)})
    if not files:
        raise UserError(
            f"{folder} holds neither a policy nor traces nor results",
            "there is nothing to tell apart",
            "check the path",
        )
    for path in files:
        total.update(str(path.relative_to(folder)).encode())
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                total.update(block)
    return total.hexdigest()


def ancestors(path: Path) -> Iterator[tuple[int, str, str, Lineage | None]]:
    """(depth, role, path, lineage) of an artefact and everything that it was made of, depth first."""
    yield from _walk(str(path), "", 0)


def _walk(path: str, role: str, depth: int) -> Iterator[tuple[int, str, str, Lineage | None]]:
    found = find(Path(path)) if Path(path).exists() else None
    yield depth, role, path, found[1] if found else None
    for name, parent in found[1].parents.items() if found else ():
        yield from _walk(parent.path, name, depth + 1)
