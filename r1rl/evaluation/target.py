"""What is evaluated: a checkpoint, a run, or any Hugging Face folder or hub id."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from r1rl import checkpoint
from r1rl.errors import UserError
from r1rl.models import MODELS
from r1rl.policy.folder import local
from r1rl.recipe import Recipe, kept_recipe

BLOCK = 1 << 24  # bytes hashed at once


@dataclass(frozen=True, kw_only=True)
class Target:
    """A policy, and the run it comes from.

    >>> Target(name="org/model", folder=Path("/models/model"), version=0, run=None, recipe=None).name
    'org/model'
    """

    name: str  # as the user wrote it
    folder: Path  # config, weights and tokenizer
    version: int  # the policy version these weights are
    run: Path | None  # None for a policy that no run here has made
    recipe: Recipe | None  # of that run


def resolve(name: str) -> Target:
    """RUN (its newest checkpoint), RUN@STEP, RUN@best, a checkpoint of a run, a Hugging Face folder, or a hub id.

    Raises UserError when it is none of them.
    """
    base, at, step = name.rpartition("@")
    if at and step == "best" and (Path(base) / "recipe.yaml").is_file():
        return _of_run(name, Path(base), checkpoint.best(Path(base)))
    if at and step.isdigit() and (Path(base) / "recipe.yaml").is_file():
        return _of_run(name, Path(base), checkpoint.folder(Path(base), int(step)))
    path = Path(name)
    if (path / "recipe.yaml").is_file():
        return _of_run(name, path, checkpoint.latest(path))
    if (path / checkpoint.STATE).is_file():
        return _of_run(name, path.parent.parent, path)
    if path.exists() and not (path / "config.json").is_file():
        raise UserError(
            f"{name} is neither a run, nor a checkpoint, nor a Hugging Face folder",
            "evaluation needs weights, config.json and a tokenizer",
            "give a run folder (runs/…), RUN@STEP, a folder in its checkpoints/, or a hub id like org/name",
        )
    if not path.exists() and name.count("/") != 1 and name not in MODELS:
        raise UserError(
            f"there is no {name}",
            "a policy is needed",
            f"correct the path; a hub id is org/name, models that r1rl can fetch: {', '.join(MODELS)}",
        )
    return Target(name=name, folder=local(name), version=0, run=None, recipe=None)


def digest(folder: Path) -> str:
    """sha256 over the weights and config.json of a folder, by file name: another byte is another model."""
    total = hashlib.sha256()
    for path in sorted([*folder.glob("*.safetensors"), *folder.glob("*.bin"), folder / "config.json"]):
        total.update(path.name.encode())
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                total.update(block)
    return total.hexdigest()


def _of_run(name: str, run: Path, folder: Path | None) -> Target:
    if folder is None or not (folder / checkpoint.STATE).is_file():
        known = ", ".join(p.name.removeprefix("step-").lstrip("0") for p in sorted(run.glob("checkpoints/step-*[0-9]")))
        raise UserError(
            f"{name} has no such checkpoint" if folder else f"{run} has no checkpoint yet",
            "evaluation needs the weights of a step",
            f"write {run}@STEP with one of: {known}" if known else "let the run go on until its first checkpoint",
        )
    recipe = kept_recipe(run / "recipe.yaml")
    return Target(name=name, folder=folder, version=checkpoint.read(folder).version, run=run, recipe=recipe)
