"""Rules about the learner: its ranks and its adapters."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl import algorithms
from r1rl.recipe.broken import Broken
from r1rl.recipe.schema import Recipe


def ranks_are_fed(recipe: Recipe) -> Iterator[Broken]:
    ranks, answers = recipe.learner.ranks, recipe.samples_per_step // recipe.learner.updates_per_rollout
    if 0 < answers < ranks:
        yield Broken(
            ("learner", "ranks"),
            f"learner.ranks = {ranks} is more than the {answers} answers of one update",
            "a sequence is never split, so some ranks would never have work",
            f"write {answers} or less",
        )


def adapters_have_one_reference(recipe: Recipe) -> Iterator[Broken]:
    if recipe.learner.lora is None or recipe.algorithm.name not in algorithms.names():
        return
    bundle = recipe.algorithm_bundle()
    if bundle.kl and bundle.reference_every:
        yield Broken(
            ("learner", "lora"),
            f"learner.lora with algorithm.reference_every = {bundle.reference_every}",
            "the reference of adapters is the policy without them, which never changes",
            "write algorithm.reference_every: 0, or algorithm.kl: 0",
        )
