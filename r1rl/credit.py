"""Scores to advantages: what each completion teaches."""

from __future__ import annotations

from collections.abc import Sequence

from r1rl.advantage import is_flat
from r1rl.algorithms import Algorithm
from r1rl.errors import RunError
from r1rl.types import Sample, ScoredGroup, Verdict


def assign(scored: Sequence[ScoredGroup], algorithm: Algorithm) -> list[Sample]:
    """The samples of one step, ungradable ones left out.

    Raises RunError when nothing could be graded: then the judge is broken, and a policy must not pay for that.
    """
    samples = [sample for group in scored for sample in _of_group(group, algorithm)]
    if not samples:
        raise RunError(
            "not one answer of this step could be graded",
            f"the judge says: {_first_reason(scored)}",
            "mend the reward or the gold answers; nothing was trained on this step",
        )
    return samples


def flat_groups(scored: Sequence[ScoredGroup]) -> list[bool]:
    """For each group, whether its rewards are all equal: such a group has no gradient."""
    return [is_flat([s.value for s in group.scores_G], _graded(group)) for group in scored]


def _of_group(scored: ScoredGroup, algorithm: Algorithm) -> list[Sample]:
    graded = _graded(scored)
    advantages = algorithm.advantage([s.value for s in scored.scores_G], graded)
    return [
        Sample(
            prompt_ids_T=scored.group.prompt_ids_T,
            token_ids_T=completion.token_ids_T,
            logprobs_T=completion.logprobs_T,
            advantage=advantage,
        )
        for completion, advantage, keep in zip(scored.group.completions_G, advantages, graded, strict=True)
        if keep
    ]


def _graded(scored: ScoredGroup) -> list[bool]:
    return [s.verdict is not Verdict.UNGRADABLE for s in scored.scores_G]


def _first_reason(scored: Sequence[ScoredGroup]) -> str:
    return next((s.detail for group in scored for s in group.scores_G if s.detail), "nothing")
