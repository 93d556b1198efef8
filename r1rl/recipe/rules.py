"""All rules that the schema alone cannot state, in the order in which a reader meets their keys."""

from __future__ import annotations

from r1rl.recipe import arithmetic, choices, experts, learning, named, ranks
from r1rl.recipe.broken import Broken, Rule
from r1rl.recipe.schema import Recipe

RULES: tuple[Rule, ...] = (
    choices.one_origin,
    choices.init_is_known,
    choices.init_is_warmed_up,
    experts.experts_are_there,
    experts.prediction_is_there,
    named.policy_is_readable,
    named.problems_exist,
    named.sets_exist,
    choices.warmup_band,
    choices.canaries_leave_problems,
    choices.some_reward_counts,
    choices.rewards_differ,
    named.rewards_exist,
    learning.algorithm_known,
    learning.reference_is_used,
    learning.corrected_once,
    learning.clip_is_used,
    learning.kl_cov_is_used,
    learning.group_has_peers,
    experts.routes_are_recorded,
    experts.low_precision_is_corrected,
    arithmetic.workers_are_fed,
    arithmetic.prompt_has_room,
    arithmetic.length_reward_acts,
    arithmetic.equal_updates,
    arithmetic.sequence_fits_microbatch,
    ranks.ranks_are_fed,
    ranks.adapters_have_one_reference,
    arithmetic.peak_is_reached,
    arithmetic.evaluation_happens,
)


WITHOUT_TEACHER: tuple[Rule, ...] = (learning.learns_from_rewards,)
"""Of a recipe that is all there is: a distillation's has a teacher beside it."""


def broken_rules(recipe: Recipe, rules: tuple[Rule, ...] = RULES) -> list[Broken]:
    """Everything wrong with a recipe, not just the first thing."""
    return [broken for rule in rules for broken in rule(recipe)]
