"""distill: a student learns from traces of an earlier stage, or from an earlier policy as its teacher."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from r1rl.pipeline.kinds import shared
from r1rl.pipeline.recipe import parent
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.distill import DistillRecipe, checked
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.merge import merge
from r1rl.recipe.section import Section

PATHS = ("policy", "teacher", "traces")  # roles, each a section of the recipe with a path


class Settings(Section):
    policy: str = Field(description="the stage, folder or hub id of the student")
    teacher: str | None = Field(default=None, description="the same of the teacher, where the method has one")
    traces: str | None = Field(default=None, description="the stage or folder of the traces, where the method has some")
    recipe: dict[str, object] = Field(default={}, description="a distillation's recipe without name, seed and paths")


def read(document: Document, context: Context) -> Stage:
    settings = validated(document, Settings)
    named = {role: getattr(settings, role) for role in PATHS if getattr(settings, role) is not None}
    parents = {role: parent(document, role, name, context) for role, name in named.items()}
    places = {role: {"path": shared.stand_in(name, context)} for role, name in parents.items()}
    recipe = checked(merge(Document(places, {}), shared.named(document, context, DistillRecipe, parents["policy"])))
    told = dict(shared.told(recipe))
    for role in ("teacher", "traces"):
        told[role] = {key: value for key, value in (told[role] or {}).items() if key != "path"}
    return Stage(
        name=context.name,
        kind="distill",
        parents=parents,
        told=told,
        settings=recipe,
        files=shared.rooms(recipe.as_run(1)),
    )


def run(work: Work) -> Mapping[str, float]:
    from r1rl.distillation.run import distill

    recipe: DistillRecipe = work.stage.settings
    update = {role: getattr(recipe, role).model_copy(update={"path": str(path)}) for role, path in work.parents.items()}
    recipe = recipe.model_copy(update=update)
    distill(recipe, work.folder, (work.folder / "recipe.yaml").exists(), work.console)
    return shared.accuracy(work.folder)


def product(folder: Path) -> Path:
    return shared.newest_policy(folder)


KIND = Kind(read=read, run=run, product=product, code=("r1rl.distillation.run", "r1rl.learner.actor"))
