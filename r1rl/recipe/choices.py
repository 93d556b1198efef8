"""Rules between choices: policy and warm-up, rewards and their weights."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl import sizes
from r1rl.errors import UserError
from r1rl.recipe.broken import Broken
from r1rl.recipe.schema import Recipe


def one_origin(recipe: Recipe) -> Iterator[Broken]:
    policy = recipe.policy
    if (policy.path is None) == (policy.init is None):
        found = (
            "neither policy.path nor policy.init is" if policy.path is None else "policy.path and policy.init are both"
        )
        yield Broken(
            ("policy",),
            f"{found} given",
            "the first weights come from exactly one place",
            "keep `path:` for a pretrained policy or `init: tiny` for a new one, and set the other to null",
        )


def init_is_known(recipe: Recipe) -> Iterator[Broken]:
    if recipe.policy.init is None:
        return
    try:
        size = sizes.get(recipe.policy.init)
    except UserError as error:
        yield Broken(("policy", "init"), error.what, error.why, error.instead)
        return
    if not size.with_weights:
        yield Broken(
            ("policy", "init"),
            f"policy.init = {recipe.policy.init} is a configuration only",
            "weights of that size are not made here",
            "take a size up to 1B, or name a pretrained policy with `path:`",
        )


def init_is_warmed_up(recipe: Recipe) -> Iterator[Broken]:
    if recipe.policy.init is not None and recipe.warmup is None:
        yield Broken(
            ("policy", "init"),
            f"policy.init = {recipe.policy.init} has no warmup",
            "a random policy is never right, so every group is flat and RL has no signal",
            "add a `warmup:` section, or name a pretrained policy with `path:`",
        )


def warmup_band(recipe: Recipe) -> Iterator[Broken]:
    if recipe.warmup is not None and recipe.warmup.low >= recipe.warmup.high:
        low, high = recipe.warmup.low, recipe.warmup.high
        yield Broken(
            ("warmup", "low"),
            f"warmup.low = {low:g} is not below warmup.high = {high:g}",
            "held-out accuracy before RL must lie between the two",
            f"write low below {high:g}, or high above {low:g}",
        )


def some_reward_counts(recipe: Recipe) -> Iterator[Broken]:
    if all(reward.weight == 0 for reward in recipe.reward):
        yield Broken(
            ("reward",),
            "every reward has weight 0",
            "all answers would be worth the same and nothing could be learned",
            "give at least one reward a weight, usually 1.0",
        )


def canaries_leave_problems(recipe: Recipe) -> Iterator[Broken]:
    if recipe.data.canaries and recipe.rollout.prompts == 1:
        yield Broken(
            ("data", "canaries"),
            "data.canaries with one prompt per step leaves steps without a problem to train on",
            "answers to canaries are measured, never trained on",
            "raise rollout.prompts, or leave canaries out",
        )


def rewards_differ(recipe: Recipe) -> Iterator[Broken]:
    names = [reward.fn for reward in recipe.reward]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Broken(
                ("reward", index, "fn"),
                f"reward `{name}` is named twice",
                "a reward's name is its metric, and its weight would be counted twice",
                "keep one of them and add the weights",
            )
