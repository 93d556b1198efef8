"""Where a policy's weights come from: its parent, and the run that made it of that."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1rl import checkpoint
from r1rl.evaluation.target import Target, digest
from r1rl.models import MODELS
from r1rl.policy.folder import ORIGIN
from r1rl.recipe import Recipe
from r1rl.run import revision

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, kw_only=True)
class Parent:
    """What a policy was trained from, or what a folder that no run has made is a copy of.

    >>> Parent(name="smollm2-135m", model="org/SmolLM2", licence="apache-2.0", origin={}).licence
    'apache-2.0'
    """

    name: str  # as the recipe says it
    model: str | None  # the hub id, where it is known
    licence: str | None
    origin: Mapping[str, Any]  # its own origin.json; empty where there is none


def parent(target: Target) -> Parent:
    """The parent of a policy."""
    recipe = target.recipe
    name = _named(recipe) if recipe else target.name
    origin = _origin(_folder(recipe.policy.path) if recipe else target.folder)
    known = origin.get("model") or name
    is_id = HUB_ID.fullmatch(known) and not Path(known).exists()
    return Parent(name=name, model=known if is_id else None, licence=origin.get("licence"), origin=origin)


def origin(target: Target) -> dict[str, Any]:
    """origin.json of an exported folder: the lineage, for programs. A copy of a folder keeps that folder's."""
    before = parent(target)
    if target.run is None or target.recipe is None:
        return dict(before.origin)
    file = target.run / "environment.json"
    machine = json.loads(file.read_text()) if file.is_file() else {}
    return {
        "parent": before.origin or before.name,
        "run": target.run.resolve().name,
        "step": checkpoint.read(target.folder).step,
        "model_digest": digest(target.folder),
        "seed": target.recipe.seed,
        "revision": machine.get("revision", "unknown"),
        "started": machine.get("started", "unknown"),
        "packages": machine.get("packages", {}),
        "hardware": machine.get("gpus") or machine.get("cpu", "unknown"),
        "licence": before.licence,
    }


def told(target: Target) -> list[tuple[str, str]]:
    """The same as rows of a card, with what the recipe says of algorithm, data and rewards."""
    rows = [("parent", parent(target).name), *_of_recipe(target.recipe)]
    for key, value in origin(target).items():
        if key == "parent" and isinstance(value, dict):
            rows += [(f"parent: {name}", _words(item)) for name, item in value.items()]
        elif value and key != "parent":
            rows.append((key.replace("_", " "), _words(value)))
    return [*rows, ("exported by revision", revision())]


def _of_recipe(recipe: Recipe | None) -> list[tuple[str, str]]:
    if recipe is None:
        return []
    options = f" {dict(recipe.data.options)}" if recipe.data.options else ""
    return [
        ("recipe", recipe.name),
        ("algorithm", recipe.algorithm.name),
        ("data", f"{recipe.data.source}{options}, held against {', '.join(recipe.data.against) or 'nothing'}"),
        ("rewards", ", ".join(f"{part.fn} × {part.weight:g}" for part in recipe.reward)),
    ]


def _named(recipe: Recipe) -> str:
    if recipe.policy.path:
        return recipe.policy.path
    warmed = f", warmed up by {recipe.warmup.steps} supervised updates" if recipe.warmup else ""
    return f"made from nothing, size {recipe.policy.init}{warmed}"


def _folder(path: str | None) -> Path | None:
    """Of the parent, if it is on this machine: it may be long gone."""
    if path is None:
        return None
    return MODELS[path].folder if path in MODELS else Path(path)


def _origin(folder: Path | None) -> dict[str, Any]:
    if folder is None or not (folder / ORIGIN).is_file():
        return {}
    found: dict[str, Any] = json.loads((folder / ORIGIN).read_text())
    return found


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)
