"""The YAML of a pipeline: what all stages share, and the stages in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from r1rl.errors import UserError
from r1rl.models import MODELS
from r1rl.nearest import did_you_mean
from r1rl.pipeline.stage import Context, Kind, Stage
from r1rl.recipe.document import Document
from r1rl.recipe.load import read_document, validated
from r1rl.recipe.merge import part, without
from r1rl.recipe.section import Section


class PipelineSection(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="lower case, digits, _ and -")
    claim: str = Field(default="", description="hardware, time, command, the numbers reached and the date")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of everything random")
    defaults: dict[str, Any] = Field(default={}, description="sections of recipes that all stages share")
    stages: dict[str, dict[str, Any]] = Field(min_length=1, description="by name, in their order")


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A pipeline, checked completely."""

    name: str
    claim: str
    stages: tuple[Stage, ...]


def load_pipeline(path: Path | str, overrides: Sequence[str], kinds: Mapping[str, Kind]) -> Pipeline:
    """The pipeline at a path. Raises UserError for the first stage with something wrong in it."""
    document = read_document(path, overrides)
    whole = validated(document, PipelineSection)
    defaults = part(document, ("defaults",))
    stages: list[Stage] = []
    for name in whole.stages:
        context = Context(
            name=name,
            pipeline=whole.name,
            seed=whole.seed,
            defaults=defaults,
            earlier=[stage.name for stage in stages],
        )
        stages.append(_stage(part(document, ("stages", name)), context, kinds))
    return Pipeline(name=whole.name, claim=whole.claim, stages=tuple(stages))


def _stage(document: Document, context: Context, kinds: Mapping[str, Kind]) -> Stage:
    kind = document.data.get("do")
    if kind not in kinds:
        what = f"does `{kind}`, which is no kind of stage" if kind else "does not say what it does"
        raise UserError(
            f"{document.place(('do',))}: stage {context.name} {what}",
            "`do` says how an artefact is made",
            did_you_mean(str(kind), kinds) if kind else f"write do: with one of {', '.join(kinds)}",
        )
    return kinds[kind].read(without(document, "do"), context)


def parent(document: Document, key: str, value: str, context: Context) -> str:
    """A stage's parent, as named by a key. Raises UserError for what is neither an earlier stage nor there."""
    if value in context.earlier or value in MODELS or Path(value).exists() or value.count("/") == 1:
        return value
    raise UserError(
        f"{document.place((key,))}: {key}: {value} is no stage before {context.name}, no folder and no hub id",
        "a stage is made of what is there before it",
        did_you_mean(value, list(context.earlier)) if context.earlier else "name a folder, or put a stage before it",
    )
