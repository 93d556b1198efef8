"""What a policy is asked: published sets by name, a run's own held-out problems, or a file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from r1rl import catalogue
from r1rl.corpus import load
from r1rl.errors import UserError
from r1rl.evaluate import HELDOUT, judge_of
from r1rl.evaluation.subset import stratified
from r1rl.evaluation.target import Target
from r1rl.judge import RewardSpec
from r1rl.stream import open_source
from r1rl.types import Problem

LENIENT = ("math:correct", "choice:correct")  # judges that know the option `extract: lenient`


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Problems and the judge of their answers.

    >>> Suite(name="aime2024", problems=(), judge=RewardSpec(fn="math:correct"), boxed=True).votes
    True
    """

    name: str
    problems: tuple[Problem, ...]
    judge: RewardSpec
    boxed: bool  # are answers to be boxed? Programs have their own way, which the question tells

    @property
    def lenient(self) -> RewardSpec | None:
        """The judge that takes an answer wherever it stands, for a second number beside the strict one."""
        if self.judge.fn not in LENIENT:
            return None
        return replace(self.judge, options={**self.judge.options, "extract": "lenient"})

    @property
    def votes(self) -> bool:
        """Can two answers be said to be the same? Programs can't: they have no maj@k."""
        return not any("tests" in problem.meta for problem in self.problems)

    @property
    def sha(self) -> str:
        """Of the problems with their gold answers, in order."""
        rows = [[p.id, p.question, p.gold, json.dumps(p.meta.get("tests"), sort_keys=True)] for p in self.problems]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def open_suite(name: str, target: Target, count: int | None) -> Suite:
    """A suite by name: all of it, or `count` problems, a stratified part of a published set.

    Raises UserError for an unknown suite or missing data.
    """
    suite = _heldout(target, count) if name == HELDOUT else _published(name)
    if count is None or count == len(suite.problems):
        return suite
    if count > len(suite.problems):
        raise UserError(
            f"{name} has {len(suite.problems)} problems, not {count}",
            "a problem asked twice would make the interval too narrow",
            "leave out --problems",
        )
    return replace(suite, name=f"{name}-part{count}", problems=stratified(suite.problems, count))


def _heldout(target: Target, count: int | None) -> Suite:
    recipe = target.recipe
    if recipe is None:
        raise UserError(
            f"{target.name} has no recipe, so it has no held-out problems",
            "the suite `heldout` is what a run has kept from its training",
            f"give a run, or name another suite: {', '.join(catalogue.corpora())}",
        )
    source = open_source(recipe.data.source, recipe.seed, dict(recipe.data.options))
    try:
        problems = tuple(source.problem("heldout", i) for i in range(count or recipe.eval.problems))
    except ValueError as error:
        raise UserError(
            f"--problems {count} is more than there are: {error}",
            "a held-out problem asked twice would make the interval too narrow",
            "ask for fewer",
        ) from error
    first = recipe.reward[0]
    judge = RewardSpec(fn=first.fn, options=first.options)
    return Suite(name=HELDOUT, problems=problems, judge=judge, boxed=True)


def _published(name: str) -> Suite:
    corpus = catalogue.corpus(name)
    return Suite(
        name=name,
        problems=tuple(load.problems(corpus)),
        judge=judge_of(corpus),
        boxed=corpus.kind != "code",
    )
