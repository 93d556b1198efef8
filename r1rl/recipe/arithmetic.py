"""Rules between numbers. Each says which values nearby would be legal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, gcd, isqrt

from r1rl.recipe.broken import Broken
from r1rl.recipe.schema import Recipe


def equal_updates(recipe: Recipe) -> Iterator[Broken]:
    prompts, group, updates = recipe.rollout.prompts, recipe.rollout.group, recipe.learner.updates_per_rollout
    if recipe.samples_per_step % updates:
        step = updates // gcd(updates, group)  # the legal numbers of prompts are its multiples
        below, above = prompts // step * step, ceil(max(prompts, recipe.rollout.workers) / step) * step
        legal_prompts = [n for n in (below, above) if n >= recipe.rollout.workers]
        legal_updates = _nearest_divisors(recipe.samples_per_step, updates)
        yield Broken(
            ("learner", "updates_per_rollout"),
            f"rollout.prompts * rollout.group = {prompts} * {group} = {recipe.samples_per_step} answers do not divide "
            f"into learner.updates_per_rollout = {updates} equal updates",
            "the updates of one step would weigh their answers differently",
            f"write rollout.prompts = {_either(legal_prompts)}, "
            f"or learner.updates_per_rollout = {_either(legal_updates)}",
        )


def workers_are_fed(recipe: Recipe) -> Iterator[Broken]:
    prompts, workers = recipe.rollout.prompts, recipe.rollout.workers
    if prompts < workers:
        yield Broken(
            ("rollout", "workers"),
            f"rollout.workers = {workers} is more than rollout.prompts = {prompts}",
            "a group stays on one worker, so some workers would never have work",
            f"write rollout.workers = {prompts} or less, or rollout.prompts = {workers} or more",
        )


def prompt_has_room(recipe: Recipe) -> Iterator[Broken]:
    tokens, length = recipe.rollout.max_tokens, recipe.policy.max_length
    if tokens >= length:
        fewer = f"rollout.max_tokens = {length - 1} or less, or " if length > 1 else ""
        yield Broken(
            ("rollout", "max_tokens"),
            f"rollout.max_tokens = {tokens} is not below policy.max_length = {length}",
            "max_length holds the prompt too, which would have no room",
            f"write {fewer}policy.max_length = {tokens + 1} or more; both leave a prompt of one token",
        )


def length_reward_acts(recipe: Recipe) -> Iterator[Broken]:
    longest = recipe.rollout.max_tokens
    for index, reward in enumerate(recipe.reward):
        if reward.fn != "length:soft_overlong":
            continue
        limit, buffer = reward.options.get("limit"), reward.options.get("buffer")
        if isinstance(limit, int) and isinstance(buffer, int) and limit - buffer >= longest:
            yield Broken(
                ("reward", index, "options"),
                f"length:soft_overlong begins after limit - buffer = {limit - buffer} tokens, and no answer is longer "
                f"than rollout.max_tokens = {longest}",
                "it would never punish anything",
                f"write limit: {longest}, and a buffer below that",
            )


def sequence_fits_microbatch(recipe: Recipe) -> Iterator[Broken]:
    if recipe.microbatch_tokens < recipe.policy.max_length:
        yield Broken(
            ("learner", "microbatch_tokens"),
            f"learner.microbatch_tokens = {recipe.microbatch_tokens} is less than "
            f"policy.max_length = {recipe.policy.max_length}",
            "a sequence is never split, so the longest would fit in no forward pass",
            f"write {recipe.policy.max_length} or more, or null to have it derived",
        )


def peak_is_reached(recipe: Recipe) -> Iterator[Broken]:
    updates = recipe.train.steps * recipe.learner.updates_per_rollout
    if recipe.learner.warmup_steps >= updates:
        yield Broken(
            ("learner", "warmup_steps"),
            f"learner.warmup_steps = {recipe.learner.warmup_steps} is not below the run's {updates} optimizer updates",
            "the learning rate would never reach learner.lr",
            f"write {updates - 1} or less, or train longer",
        )


def evaluation_happens(recipe: Recipe) -> Iterator[Broken]:
    if recipe.eval.every > recipe.train.steps:
        yield Broken(
            ("eval", "every"),
            f"eval.every = {recipe.eval.every} is more than train.steps = {recipe.train.steps}",
            "the run would end before its first evaluation",
            f"write {recipe.train.steps} or less, or 0 for before and after only",
        )


def _nearest_divisors(number: int, near: int) -> list[int]:
    """The divisors of `number` on either side of `near`, which is none.

    >>> _nearest_divisors(256, 6), _nearest_divisors(8, 9)
    ([4, 8], [8])
    """
    small = [n for n in range(1, isqrt(number) + 1) if number % n == 0]
    divisors = {*small, *(number // n for n in small)}
    below, above = [n for n in divisors if n < near], [n for n in divisors if n > near]
    return [max(below), *([min(above)] if above else [])]


def _either(values: Sequence[int]) -> str:
    return " or ".join(str(value) for value in values)
