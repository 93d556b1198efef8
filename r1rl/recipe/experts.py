"""Rules about mixtures of experts, multi-token prediction, and sampling in FP8."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl import algorithms, sizes
from r1rl.algorithm import Algorithm
from r1rl.correction import NONE
from r1rl.recipe.broken import Broken
from r1rl.recipe.schema import Recipe


def experts_are_there(recipe: Recipe) -> Iterator[Broken]:
    if _family(recipe) in {None, "deepseek_v3"}:
        return
    policy = recipe.policy
    asked = {
        "replay": policy.replay != "none",
        "balance_speed": policy.balance_speed,
        "balance_warmup": policy.balance_warmup,
        "balance_loss": policy.balance_loss,
        "mtp_loss": policy.mtp_loss,
    }
    for key in (key for key, value in asked.items() if value):
        yield Broken(
            ("policy", key),
            f"policy.{key} has no effect on {policy.init}",
            "a dense policy has no experts and no layer of multi-token prediction",
            f"remove policy.{key}, or take a DeepSeek-V3 size",
        )


def prediction_is_there(recipe: Recipe) -> Iterator[Broken]:
    init = recipe.policy.init
    if _family(recipe) != "deepseek_v3" or init is None or init.endswith(sizes.MTP):
        return
    if recipe.policy.mtp_loss:
        yield Broken(
            ("policy", "mtp_loss"),
            f"policy.mtp_loss = {recipe.policy.mtp_loss:g}, and size {init} has no layer of multi-token prediction",
            "there is nothing that the loss could train",
            f"write policy.init: {init}{sizes.MTP}, or remove policy.mtp_loss",
        )


def routes_are_recorded(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    if recipe.policy.replay == "r2" and bundle and not bundle.needs_old:
        yield Broken(
            ("policy", "replay"),
            f"policy.replay = r2 needs old log-probs, and {bundle.name} computes none",
            "r2 repeats what the experts were in the forward pass that computes them",
            "set policy.replay to none, or to r3 on a GPU",
        )


def low_precision_is_corrected(recipe: Recipe) -> Iterator[Broken]:
    bundle = _bundle(recipe)
    uncorrected = bundle is not None and bundle.correction == NONE and bundle.ratio_to != "sampler"
    if recipe.rollout.options.get("quantization") and uncorrected:
        yield Broken(
            ("rollout", "options"),
            f"rollout.options.quantization = {recipe.rollout.options['quantization']} without a correction",
            "answers then come from another distribution than the learner's, and nothing makes up for it",
            "set algorithm.correction to token_tis, icepop or another preset",
        )


def _bundle(recipe: Recipe) -> Algorithm | None:
    return recipe.algorithm_bundle() if recipe.algorithm.name in algorithms.names() else None


def _family(recipe: Recipe) -> str | None:
    """Of a policy made here; None where a folder will tell."""
    known = recipe.policy.init in sizes.names() if recipe.policy.init else False
    return sizes.get(str(recipe.policy.init)).family if known else None
