"""base: a policy made from nothing and warmed up on worked examples. It stands in for a pretrained one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from r1rl.errors import UserError
from r1rl.pipeline.kinds import shared
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.section import Section

POLICY = "policy"


class Settings(Section):
    recipe: dict[str, object] = Field(default={}, description="a training recipe with policy.init and warmup")


def read(document: Document, context: Context) -> Stage:
    validated(document, Settings)
    recipe = shared.asked_only(document, context, None)
    if recipe.warmup is None:
        raise UserError(
            f"{document.place(('recipe',))}: stage {context.name} has no warmup",
            "a base is a new policy that has seen worked examples",
            "add recipe.policy.init and recipe.warmup, or name a pretrained policy where this stage is named",
        )
    told = {key: value for key, value in shared.told(recipe).items() if key in ("policy", "data", "warmup", "seed")}
    return Stage(name=context.name, kind="base", parents={}, told=told, settings=recipe, files=shared.rooms(recipe))


def run(work: Work) -> Mapping[str, float]:
    from r1rl.report import Report
    from r1rl.train import base

    recipe = work.stage.settings
    started = shared.started(work.folder, recipe)
    with Report(work.console, recipe, started) as report:
        kept = base(recipe, started, report)
    target = work.folder / POLICY
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(kept, partial)
    partial.replace(target)
    return {}


def product(folder: Path) -> Path:
    return folder / POLICY


KIND = Kind(read=read, run=run, product=product, code=("r1rl.train",))
