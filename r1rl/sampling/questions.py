"""What a policy is asked for traces: training problems, clear of benchmarks, and the judge of its answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from r1rl import catalogue
from r1rl.decontaminate import decontaminated
from r1rl.errors import UserError
from r1rl.evaluate import judge_of
from r1rl.evaluation.target import Target
from r1rl.judge import RewardSpec, bind
from r1rl.nearest import did_you_mean
from r1rl.recipe import Recipe
from r1rl.stream import open_source
from r1rl.types import Problem, ProblemSource


@dataclass(frozen=True, kw_only=True)
class Questions:
    """The problems `first` … `first + count - 1` of a source, and who judges their answers.

    >>> from r1rl.stream import open_source
    >>> q = Questions(name="addition", source=open_source("addition", 0, {}), first=7, count=2, left_out=0,
    ...     judge=RewardSpec(fn="number:correct"))
    >>> [ordinal for ordinal, problem in q.problems()]
    [7, 8]
    """

    name: str  # source and options
    source: ProblemSource
    first: int
    count: int
    left_out: int  # of a set: problems that share text with benchmarks
    judge: RewardSpec

    @property
    def sha(self) -> str:
        """Of the problems with their gold answers, in order."""
        total = hashlib.sha256()
        for _, problem in self.problems():
            total.update(json.dumps([problem.id, problem.question, problem.gold]).encode())
        return total.hexdigest()

    def problems(self) -> Iterator[tuple[int, Problem]]:
        """Each with its ordinal."""
        for ordinal in range(self.first, self.first + self.count):
            yield ordinal, self.source.problem("train", ordinal)


def open_questions(
    target: Target,
    *,
    data: str | None,
    options: Mapping[str, Any],
    reward: RewardSpec | None,
    seed: int,
    first: int,
    count: int | None,
    against: tuple[str, ...],
    contaminated: str,
) -> Questions:
    """Problems and judge, from the command line or else from the recipe of the run that made the policy.

    Raises UserError for data that cannot be trained on, or a number of problems that there are not.
    """
    recipe = target.recipe
    name, options = (data, options) if data or recipe is None else (recipe.data.source, recipe.data.options)
    if name is None:
        raise UserError(f"{target.name} has no recipe that names problems", "traces answer problems", "give --data")
    _require_trainable(name)
    source, found = decontaminated(_open(name, seed, options), against, contaminated)
    judge = reward or _judge(name, recipe if data is None else None)
    bind(judge)
    return Questions(
        name=f"{name} {dict(options)}",
        source=source,
        first=first,
        count=_count(name, source, first, count),
        left_out=len({hit.id for hit in found}),
        judge=judge,
    )


def _open(name: str, seed: int, options: Mapping[str, Any]) -> ProblemSource:
    try:
        return open_source(name, seed, dict(options))
    except (TypeError, ValueError) as error:
        raise UserError(f"--data {name} {dict(options)}: {error}", "these are its options", "correct them") from error


def _require_trainable(name: str) -> None:
    known = [*catalogue.corpora(), *catalogue.generators()]
    if not name.endswith(".py") and name not in known:
        raise UserError(f"there is no data {name}", "traces answer problems", did_you_mean(name, known))
    if name in catalogue.corpora() and not catalogue.trainable(name):
        raise UserError(
            f"{name} is for evaluation",
            "a policy that learns from answers to it cannot be measured by it",
            "take a set for training: `r1rl data list`",
        )


def _judge(name: str, recipe: Recipe | None) -> RewardSpec:
    if recipe is not None:
        return RewardSpec(fn=recipe.reward[0].fn, options=recipe.reward[0].options)
    if name in catalogue.corpora():
        return judge_of(catalogue.corpus(name))
    raise UserError(
        f"nobody knows how to judge answers to {name}", "traces carry verdicts", "give --reward, as in recipes"
    )


def _count(name: str, source: ProblemSource, first: int, count: int | None) -> int:
    splits = getattr(source, "splits", None)
    if splits is None and count is None:
        raise UserError(f"{name} makes problems without end", "sampling has to end", "give --problems")
    there = None if splits is None else len(splits["train"])
    asked = count if count is not None else (there or 0) - first
    if there is not None and (first + asked > there or asked < 1):
        raise UserError(
            f"{name} has {there} training problems: not {asked} from number {first} on",
            "a problem asked twice would count double",
            "ask for fewer with --problems, or leave it out",
        )
    return asked
