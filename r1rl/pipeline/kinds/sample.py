"""sample: judged answers of an earlier policy to training problems."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from r1rl.pipeline.kinds import shared
from r1rl.pipeline.recipe import parent
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.section import Count, CountOrZero, Section, SmallCount


class Settings(Section):
    policy: str = Field(description="the stage, folder or hub id that answers")
    k: SmallCount = Field(default=16, description="answers to each problem")
    problems: Count | None = Field(default=None, description="how many; null: all of a set")
    first: CountOrZero = Field(default=0, description="number of the first problem")
    temperature: float = Field(default=1.0, gt=0, description="of sampling")
    top_p: float = Field(default=1.0, gt=0, le=1, description="of sampling")
    at_once: SmallCount = Field(default=256, description="sequences that one engine decodes together")
    recipe: dict[str, object] = Field(default={}, description="data, template, judge and lengths, as in training")


def read(document: Document, context: Context) -> Stage:
    settings = validated(document, Settings)
    policy = parent(document, "policy", settings.policy, context)
    recipe = shared.asked_only(document, context, policy)
    asked = settings.model_dump(exclude={"policy", "recipe", "at_once"})
    kept = {key: shared.told(recipe)[key] for key in ("policy", "data", "seed", "reward")}
    return Stage(
        name=context.name,
        kind="sample",
        parents={"policy": policy},
        told={**asked, **kept, "max_tokens": recipe.rollout.max_tokens},
        settings=(settings, recipe),
        files=shared.rooms(recipe),
    )


def run(work: Work) -> Mapping[str, float]:
    from r1rl.evaluation import presets
    from r1rl.evaluation.ask import plan_of
    from r1rl.evaluation.target import Target
    from r1rl.sampling.questions import open_questions
    from r1rl.sampling.run import sample

    settings, recipe = work.stage.settings
    folder = work.parents["policy"]
    target = Target(name=str(folder), folder=folder, version=shared.version(folder), run=None, recipe=recipe)
    questions = open_questions(
        target,
        data=None,
        options={},
        reward=None,
        seed=recipe.seed,
        first=settings.first,
        count=settings.problems,
        against=recipe.data.against,
        contaminated=recipe.data.contaminated,
    )
    own = {"temperature": settings.temperature, "top_p": settings.top_p, "samples": settings.k}
    plan = plan_of(
        target,
        presets.choose(None, recipe, **own),
        seed=recipe.seed,
        workers=recipe.rollout.workers,
        at_once=min(settings.at_once, questions.count * settings.k),
        memory_gib=None,
        dtype=None,
        address=recipe.ray.address,
    )
    return sample(work.console, plan, questions, work.folder)


def product(folder: Path) -> Path:
    return folder


KIND = Kind(read=read, run=run, product=product, code=("r1rl.sampling.run",))
