"""reject: of sampled traces those worth learning from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from r1rl.pipeline.recipe import parent
from r1rl.pipeline.stage import Context, Kind, Stage, Work
from r1rl.recipe.document import Document
from r1rl.recipe.load import validated
from r1rl.recipe.section import Section
from r1rl.traces.rules import Rules

DEADLINE_S = 10.0  # to read one trace


class Settings(Section):
    traces: str = Field(description="the stage or folder whose traces are read")
    rules: Rules = Rules()


def read(document: Document, context: Context) -> Stage:
    settings = validated(document, Settings)
    traces = parent(document, "traces", settings.traces, context)
    told = settings.rules.model_dump(mode="json")
    return Stage(name=context.name, kind="reject", parents={"traces": traces}, told=told, settings=settings.rules)


def run(work: Work) -> Mapping[str, float]:
    from r1rl.traces.reject import reject

    workers = len(os.sched_getaffinity(0))
    report = reject(work.parents["traces"], work.stage.settings, work.folder, workers, DEADLINE_S)
    work.console.print(report.table())
    return {name: float(report.numbers()[name]) for name in ("traces", "kept", "problems", "covered", "tokens")}


def product(folder: Path) -> Path:
    return folder


KIND = Kind(
    read=read,
    run=run,
    product=product,
    code=("r1rl.traces.reject", "r1rl.rewards.format", "r1rl.rewards.language", "r1rl.rewards.repetition"),
)
