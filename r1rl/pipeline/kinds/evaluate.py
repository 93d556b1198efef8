"""evaluate: an earlier policy on its held-out problems or on published sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from r1rl.pipeline.kinds import shared
from r1rl.pipeline.recipe import parent
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.section import Count, Section, SmallCount


class Settings(Section):
    policy: str = Field(description="the stage, folder or hub id that is asked")
    suites: tuple[str, ...] = Field(default=("heldout",), strict=False, description="as `r1rl eval --suite`")
    k: SmallCount = Field(default=1, description="answers to each problem")
    problems: Count | None = Field(default=None, description="only the first problems of each suite")
    temperature: float | None = Field(default=None, ge=0, description="null: as the recipe evaluates")
    at_once: SmallCount = Field(default=256, description="sequences that one engine decodes together")
    recipe: dict[str, object] = Field(default={}, description="data, template, judge and lengths, as in training")


def read(document: Document, context: Context) -> Stage:
    settings = validated(document, Settings)
    policy = parent(document, "policy", settings.policy, context)
    recipe = shared.asked_only(document, context, policy)
    asked = {key: value for key, value in shared.told(recipe).items() if key not in ("train", "learner", "algorithm")}
    told = settings.model_dump(mode="json", exclude={"policy", "recipe", "at_once"}) | {"recipe": asked}
    return Stage(
        name=context.name,
        kind="evaluate",
        parents={"policy": policy},
        told=told,
        settings=(settings, recipe),
        files=shared.rooms(recipe),
    )


def run(work: Work) -> Mapping[str, float]:
    from r1rl.evaluation import presets
    from r1rl.evaluation.ask import ask
    from r1rl.evaluation.target import Target

    settings, recipe = work.stage.settings
    folder = work.parents["policy"]
    target = Target(name=str(folder), folder=folder, version=shared.version(folder), run=None, recipe=recipe)
    found = ask(
        work.console,
        target,
        presets.choose(None, recipe, temperature=settings.temperature, samples=settings.k),
        suites=settings.suites,
        problems=settings.problems or (recipe.eval.problems if "heldout" in settings.suites else None),
        seed=recipe.seed,
        workers=recipe.rollout.workers,
        at_once=settings.at_once,
        memory_gib=None,
        dtype=None,
        address=recipe.ray.address,
        out=work.folder,
    )
    first, interval = found[0], found[0].interval("over_problems")
    numbers = {f"{results.suite}/accuracy": results.average or 0.0 for results in found}
    if interval is not None:
        numbers |= {"low": interval.low, "high": interval.high}
    tokens = first.tokens["mean"] or 0.0
    return numbers | {"accuracy": first.average or 0.0, "n": float(first.n), "tokens": tokens}


def product(folder: Path) -> Path:
    return folder


KIND = Kind(read=read, run=run, product=product, code=("r1rl.evaluation.ask",))
