"""The nouns of a pipeline: a kind of stage, a stage as the recipe says it, and the work of one stage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from r1rl.recipe.document import Document


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, checked. What decides its result: `told`, the artefacts of its parents and the code.

    >>> Stage(name="kept", kind="reject", parents={"traces": "sampled"}, told={"per_problem": 2}, settings=None).parents
    {'traces': 'sampled'}
    """

    name: str
    kind: str
    parents: Mapping[str, str]  # role -> an earlier stage, or a path or hub id from outside
    told: Mapping[str, Any]  # plain data
    settings: Any  # the same as its kind reads it
    files: tuple[Path, ...] = ()  # of the user's rooms that take part: rewards, data


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a stage may look at while it is read."""

    name: str  # the stage's
    pipeline: str
    seed: int
    defaults: Document  # sections of recipes that all stages share
    earlier: Collection[str]  # names of the stages before it


@dataclass(frozen=True, kw_only=True)
class Work:
    """One stage being done. Its folder may hold what an interrupted one has left: it goes on from there."""

    stage: Stage
    folder: Path
    parents: Mapping[str, Path]  # role -> what the parent has made
    console: Console


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A way to make one artefact of others.

    `read` checks a stage's section without torch and raises UserError. `run` fills the folder and returns what it
    measured; interrupted anywhere and called again, it ends with the same. `product` is the part of the folder that
    children are made of.
    """

    read: Callable[[Document, Context], Stage]
    run: Callable[[Work], Mapping[str, float]]
    product: Callable[[Path], Path]
    code: tuple[str, ...] = field(default=())  # modules whose sources, and those they import, decide the result
