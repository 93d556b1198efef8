"""Which stages are there already and which have to be done: a stage is known by the hash of all that it is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from r1rl import provenance
from r1rl.errors import UserError
from r1rl.models import MODELS
from r1rl.nearest import did_you_mean
from r1rl.pipeline import code
from r1rl.pipeline.stage import Kind, Stage
from r1rl.policy.folder import local
from r1rl.provenance import Parent


@dataclass(frozen=True, kw_only=True)
class Known:
    """A stage whose parents are there: its key, its place and whether it is done."""

    key: str
    folder: Path
    parents: Mapping[str, Parent]
    done: bool


def know(stage: Stage, kind: Kind, out: Path, made: Mapping[str, Path]) -> Known:
    """The stage's key and place.

    Args:
        made: by stage name, what the stages that are there have made; all its parents must be among them.
    """
    paths = {role: made.get(name) or local(name) for role, name in stage.parents.items()}
    parents = {role: Parent(path=str(path), digest=provenance.digest(path)) for role, path in paths.items()}
    decides = {
        "kind": stage.kind,
        "told": stage.told,
        "parents": {role: parent.digest for role, parent in parents.items()},
        "code": code.digest(kind.code, stage.files),
    }
    key = hashlib.sha256(json.dumps(decides, sort_keys=True, default=str).encode()).hexdigest()
    folder = out / f"{stage.name}-{key[:12]}"
    found = provenance.read(folder)
    return Known(key=key, folder=folder, parents=parents, done=found is not None and found.key == key)


def is_here(name: str) -> bool:
    """Whether a path or hub id from outside is on this machine: nothing is fetched to find out."""
    if Path(name).exists() or name in MODELS:
        return Path(name).exists() or MODELS[name].folder.exists()
    from huggingface_hub import try_to_load_from_cache

    return name.count("/") == 1 and isinstance(try_to_load_from_cache(name, "config.json"), str)


def chosen(stages: Sequence[Stage], first: str | None, last: str | None) -> tuple[list[Stage], set[str]]:
    """(the stages up to `last`, the names of those that are done again: `first` and what is made of it).

    Raises UserError for a stage that there is not.
    """
    names = [stage.name for stage in stages]
    for option, name in (("--from", first), ("--until", last)):
        if name is not None and name not in names:
            raise UserError(f"{option} {name}: there is no such stage", "stages have names", did_you_mean(name, names))
    upto = list(stages[: names.index(last) + 1] if last else stages)
    again: set[str] = set()
    for stage in upto:
        if stage.name == first or again & set(stage.parents.values()):
            again.add(stage.name)
    if first is not None and first not in {stage.name for stage in upto}:
        raise UserError(f"--from {first} comes after --until {last}", "nothing would be done", "exchange the two")
    return upto, again
