"""Checking a YAML of any kind: a training recipe, a distillation's or a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1rl.pipeline.kinds import kinds
from r1rl.pipeline.recipe import load_pipeline
from r1rl.recipe import load_recipe
from r1rl.recipe.distill import load_distill
from r1rl.recipe.load import read_document


def check_any(path: Path, overrides: Sequence[str]) -> str:
    """What it is, in a few words with an open bracket. Raises UserError for all that is wrong with it."""
    keys = read_document(path, overrides).data
    if "stages" in keys:
        pipeline = load_pipeline(path, overrides, kinds())
        return f"{pipeline.name}: fine (a pipeline of {len(pipeline.stages)} stages"
    if "method" in keys:
        student = load_distill(path, overrides)
        return f"{student.name}: fine (a distillation, {student.method}"
    loaded = load_recipe(path, overrides)
    asked = f"{loaded.train.steps} steps of {loaded.rollout.prompts} x {loaded.rollout.group} answers"
    return f"{loaded.name}: fine ({asked}, {loaded.algorithm.name}"
