"""train: reinforcement learning from an earlier policy."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from r1rl.pipeline.kinds import shared
from r1rl.pipeline.recipe import parent
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.section import Section


class Settings(Section):
    policy: str = Field(description="the stage, folder or hub id whose policy is trained")
    recipe: dict[str, object] = Field(default={}, description="a training recipe without name, seed and policy.path")


def read(document: Document, context: Context) -> Stage:
    settings = validated(document, Settings)
    policy = parent(document, "policy", settings.policy, context)
    recipe = shared.recipe_of(document, context, policy)
    return Stage(
        name=context.name,
        kind="train",
        parents={"policy": policy},
        told=shared.told(recipe),
        settings=recipe,
        files=shared.rooms(recipe),
    )


def run(work: Work) -> Mapping[str, float]:
    from r1rl.report import Report
    from r1rl.train import train

    recipe = work.stage.settings
    policy = recipe.policy.model_copy(update={"path": str(work.parents["policy"])})
    recipe = recipe.model_copy(update={"policy": policy})
    started = shared.started(work.folder, recipe)
    with Report(work.console, recipe, started) as report:
        train(recipe, started, report)
        report.finish()
    return shared.accuracy(work.folder)


KIND = Kind(read=read, run=run, product=shared.newest_policy, code=("r1rl.train",))
