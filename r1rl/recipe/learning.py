"""Rules about the algorithm and its numbers: each must exist and have an effect."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl import algorithms
from r1rl.algorithm import Algorithm
from r1rl.correction import NONE
from r1rl.errors import UserError
from r1rl.recipe.broken import Broken
from r1rl.recipe.schema import Recipe


def algorithm_known(recipe: Recipe) -> Iterator[Broken]:
    try:
        algorithms.get(recipe.algorithm.name)
    except UserError as error:
        yield Broken(("algorithm", "name"), error.what, error.why, error.instead)


def learns_from_rewards(recipe: Recipe) -> Iterator[Broken]:
    if recipe.algorithm.name == "opd":
        yield Broken(
            ("algorithm", "name"),
            "algorithm.name = opd has no teacher",
            "its advantages compare the policy with a teacher, token by token; rewards do not enter",
            "write a recipe for `r1rl distill` with method: on_policy, or name another algorithm",
        )


def group_has_peers(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    if bundle and bundle.group_relative and recipe.rollout.group < 2:
        yield Broken(
            ("rollout", "group"),
            f"rollout.group = {recipe.rollout.group} leaves an answer nothing to be compared with",
            f"{recipe.algorithm.name} measures an answer against the others of its group",
            "write 2 or more; 8 or 16 are common",
        )


def reference_is_used(recipe: Recipe) -> Iterator[Broken]:
    every = recipe.algorithm.reference_every
    bundle = _bundle(recipe)
    if bundle and bundle.kl == 0 and every is not None:
        yield Broken(
            ("algorithm", "reference_every"),
            f"algorithm.reference_every = {every} has no effect with kl = 0",
            "the reference is kept only for the KL term",
            "remove reference_every, or write a kl above 0",
        )


def corrected_once(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    if bundle and bundle.ratio_to == "sampler" and bundle.correction != NONE:
        yield Broken(
            ("algorithm", "correction"),
            f"algorithm.correction = {recipe.algorithm.correction} would correct {bundle.name} a second time",
            f"the ratio of {bundle.name} is to the sampler's probabilities, which holds the mismatch already",
            "remove correction, or name another algorithm",
        )


def clip_is_used(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    for key in ("clip_low", "clip_high"):
        value = getattr(recipe.algorithm, key)
        if bundle and value is not None and bundle.ratio_to == "old" and _on_policy(recipe):
            yield Broken(
                ("algorithm", key),
                f"algorithm.{key} = {value:g} has no effect with learner.updates_per_rollout = 1",
                "the only update of a rollout has a ratio of 1 everywhere",
                f"remove {key}, or write updates_per_rollout = 2 or more",
            )


def kl_cov_is_used(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    if bundle and bundle.kl_cov and _on_policy(recipe):
        yield Broken(
            ("algorithm", "kl_cov"),
            f"algorithm.kl_cov = {bundle.kl_cov:g} has no effect with learner.updates_per_rollout = 1",
            "it holds tokens near their probability before the first update, and there is no second one",
            "remove kl_cov, or write updates_per_rollout = 2 or more",
        )


def _on_policy(recipe: Recipe) -> bool:
    return recipe.learner.updates_per_rollout == 1


def _bundle(recipe: Recipe) -> Algorithm | None:
    return recipe.algorithm_bundle() if recipe.algorithm.name in algorithms.names() else None
