"""`r1rl export CHECKPOINT OUT`: a folder to give away, with a generation config and a card.

Weights are copied, never converted: their digest stays, and with it the evaluations that were made of them. What only
training needs (optimizer state, counters) stays behind.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1rl import chat, checkpoint, lineage, metrics
from r1rl.card import Card, markdown
from r1rl.errors import UserError
from r1rl.evaluation.results import RESULTS, Results, read_results, write_results
from r1rl.evaluation.target import Target, digest, resolve
from r1rl.policy.folder import ORIGIN, architecture
from r1rl.recipe import dump_recipe
from r1rl.run import write_atomically

KEPT = re.compile(
    r"(?:pytorch_)?model.*\.(?:safetensors|bin|json)|adapter_.*|config\.json|generation_config\.json|tokenizer.*|"
    r"special_tokens.*|added_tokens\.json|chat_template.*|vocab.*|merges\.txt|LICENSE.*"
)


def export(name: str, out: Path, evaluations: Sequence[Path]) -> Path:
    """Writes a checkpoint to a new folder, whole or not at all.

    Args:
        name: as `r1rl eval` takes it: RUN, RUN@STEP, RUN@best, a checkpoint, a Hugging Face folder or a hub id.
        evaluations: folders of `r1rl eval` to tell of; those in the run's own folder are found.

    Raises UserError for what is no checkpoint, a folder that is there already, or evaluations of other weights.
    """
    if out.exists():
        raise UserError(f"{out} is there already", "nothing is overwritten", "name a folder that does not exist")
    target = resolve(name)
    found = _evaluations(target, evaluations)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        for file in sorted(target.folder.iterdir()):
            if KEPT.fullmatch(file.name):
                shutil.copyfile(file, partial / file.name)
        _fill(partial, target, found, out.name)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    partial.rename(out)
    return out


def _fill(folder: Path, target: Target, found: Sequence[Results], name: str) -> None:
    """What explains the weights."""
    if target.recipe or not (folder / "generation_config.json").exists():
        _write_json(folder / "generation_config.json", generation(target))
    if known := lineage.origin(target):
        _write_json(folder / ORIGIN, known)
    for results in found:
        sampling = results.defined_by.sampling
        place = folder / "results" / f"{results.suite}-t{sampling.temperature:g}-k{results.k}"
        place.mkdir(parents=True)
        write_results(place, results)
    write_atomically(folder / "README.md", markdown(_card(target, found, name)))


def generation(target: Target) -> dict[str, Any]:
    """generation_config.json: the tokens that end an answer, and sampling as the policy was trained to be sampled."""
    tokenizer = chat.load_tokenizer(target.folder)
    ends: dict[str, Any] = {"eos_token_id": tokenizer.eos_token_id}
    if tokenizer.pad_token_id is not None:
        ends["pad_token_id"] = tokenizer.pad_token_id
    if target.recipe is None:
        return ends
    rollout = target.recipe.rollout
    return {**ends, "do_sample": True, "temperature": rollout.temperature, "max_new_tokens": rollout.max_tokens}


def _card(target: Target, found: Sequence[Results], name: str) -> Card:
    recipe = target.recipe
    before = lineage.parent(target)
    return Card(
        name=name,
        parent=before.model,
        licence=before.licence,
        architecture=architecture(target.folder),
        lineage=tuple(lineage.told(target)),
        heldout=_heldout(target),
        results=found,
        prompt=chat.instruction(recipe.data.template).replace("{slot}", "{question}") if recipe else None,
        recipe=dump_recipe(recipe) if recipe else "",
    )


def _heldout(target: Target) -> list[dict[str, float]]:
    if target.run is None or not (target.run / "metrics.jsonl").is_file():
        return []
    step = checkpoint.read(target.folder).step
    return [row for row in metrics.read(target.run) if "eval/accuracy" in row and row["step"] <= step]


def _evaluations(target: Target, named: Sequence[Path]) -> list[Results]:
    """Of these very weights: those of the named folders, which must be, and those that the run's folder holds."""
    own = digest(target.folder)
    given = [_read(folder, own) for folder in named]
    around = sorted((target.run / "evals").glob(f"**/{RESULTS}")) if target.run else []
    mine = [found for path in around if (found := read_results(path.parent)).defined_by.model_digest == own]
    every = [results for of in given for results in of] + mine
    unique = {(r.suite, r.k, r.defined_by.sampling): r for r in every}
    return sorted(unique.values(), key=lambda r: (r.suite, r.k))


def _read(folder: Path, own: str) -> list[Results]:
    paths = sorted(folder.glob(f"**/{RESULTS}"))
    if not paths:
        raise UserError(f"{folder} holds no {RESULTS}", "the card tells what was measured", "finish the evaluation")
    found = [read_results(path.parent) for path in paths]
    for results in found:
        if results.defined_by.model_digest != own:
            raise UserError(
                f"{folder} is an evaluation of other weights ({results.defined_by.model})",
                "a card tells of its own model only",
                "evaluate this checkpoint, or leave the folder out",
            )
    return found


def _write_json(path: Path, value: object) -> None:
    write_atomically(path, json.dumps(value, indent=1) + "\n")
