"""Scores to advantages: what each completion teaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy

from r1rl.advantage import is_flat
from r1rl.algorithm import Algorithm
from r1rl.errors import RunError
from r1rl.packed import Packed
from r1rl.types import Completion, Sample, ScoredGroup, Verdict

Assign = Callable[[Sequence[ScoredGroup], Algorithm], list[Sample]]
"""What turns a step's judged answers into samples with advantages."""


def assign(scored: Sequence[ScoredGroup], algorithm: Algorithm) -> list[Sample]:
    """The samples of one step, ungradable ones left out.

    Raises RunError when nothing could be graded: then the judge is broken, and a policy must not pay for that.
    """
    graded_PG = [_graded(group) for group in scored]
    advantages_PG = algorithm.advantage([[s.value for s in group.scores_G] for group in scored], graded_PG)
    samples = [
        _sample(group, completion, advantage)
        for group, graded_G, advantages_G in zip(scored, graded_PG, advantages_PG, strict=True)
        for completion, graded, advantage in zip(group.group.completions_G, graded_G, advantages_G, strict=True)
        if graded
    ]
    if not samples:
        raise RunError(
            "not one answer of this step could be graded",
            f"the judge says: {_first_reason(scored)}",
            "mend the reward or the gold answers; nothing was trained on this step",
        )
    return samples


def informative(scored: Sequence[ScoredGroup]) -> list[ScoredGroup]:
    """The groups whose rewards differ."""
    return [group for group, flat in zip(scored, flat_groups(scored), strict=True) if not flat]


def flat_groups(scored: Sequence[ScoredGroup]) -> list[bool]:
    """For each group, whether its rewards are all equal: such a group has no gradient."""
    return [is_flat([s.value for s in group.scores_G], _graded(group)) for group in scored]


def _sample(scored: ScoredGroup, completion: Completion, advantage: float) -> Sample:
    return Sample(
        prompt_ids_T=scored.group.prompt_ids_T,
        token_ids_T=completion.token_ids_T,
        logprobs_T=completion.logprobs_T,
        advantages_T=Packed(numpy.full(len(completion.token_ids_T), advantage)),
        routes=completion.routes,
    )


def _graded(scored: ScoredGroup) -> list[bool]:
    return [s.verdict is not Verdict.UNGRADABLE for s in scored.scores_G]


def _first_reason(scored: Sequence[ScoredGroup]) -> str:
    return next((s.detail for group in scored for s in group.scores_G if s.detail), "nothing")
