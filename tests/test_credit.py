"""Scores to samples: what could not be graded is left out, never paid for."""

from __future__ import annotations

import pytest

from r1rl import algorithms
from r1rl.credit import assign, flat_groups
from r1rl.errors import RunError
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict

UNGRADABLE = None
GRPO = algorithms.get("grpo")


def scored(prompt: int, *rewards: float | None, note: str = "") -> ScoredGroup:
    """A group whose n-th answer is the token n; a reward of None could not be graded (its value is rubbish)."""
    completions = tuple(
        Completion(token_ids_T=(n,), logprobs_T=(-n / 10,), finish="stop", version=0) for n in range(len(rewards))
    )
    scores = tuple(
        Score(value=1e9, parts={}, verdict=Verdict.UNGRADABLE, detail=note)
        if reward is None
        else Score(value=reward, parts={}, verdict=Verdict.WRONG, detail="")
        for reward in rewards
    )
    problem = Problem(id=str(prompt), question="1+1", gold="2")
    group = Group(problem=problem, prompt_ids_T=(prompt,), completions_G=completions)
    return ScoredGroup(group=group, texts_G=("",) * len(rewards), scores_G=scores)


def test_samples_follow_their_completions():
    samples = assign([scored(50, 1.0, UNGRADABLE, 0.0), scored(60, 2.0, 2.0)], GRPO)
    assert [(s.prompt_ids_T, s.token_ids_T, s.logprobs_T, s.advantages_T) for s in samples] == [
        ((50,), (0,), (-0.0,), (1.0,)),
        ((50,), (2,), (-0.2,), (-1.0,)),
        ((60,), (0,), (-0.0,), (0.0,)),
        ((60,), (1,), (-0.1,), (0.0,)),
    ]


def test_nothing_gradable_is_a_broken_judge_in_its_own_words():
    groups = [scored(1, UNGRADABLE), scored(2, UNGRADABLE, note="gold '' is no number")]
    with pytest.raises(RunError, match="gold '' is no number"):
        assign(groups, GRPO)


def test_a_judge_without_a_word_is_reported_too():
    with pytest.raises(RunError, match="the judge says: nothing"):
        assign([scored(1, UNGRADABLE, UNGRADABLE)], GRPO)


def test_flat_groups_are_those_without_a_gradient():
    groups = [
        scored(1, 1.0, 0.0),
        scored(2, 1.0, 1.0),
        scored(3, 1.0, 1.0, UNGRADABLE),
        scored(4, 1.0, UNGRADABLE),
        scored(5, UNGRADABLE, UNGRADABLE),
        scored(6, 0.1 + 0.2, 0.3),
    ]
    flat = flat_groups(groups)
    assert flat == [False, True, True, True, True, True]
    advantages_PG = GRPO.advantage([[s.value for s in g.scores_G] for g in groups], [_graded(g) for g in groups])
    silent = [all(a == 0 for a in advantages_G) for advantages_G in advantages_PG]
    assert flat == silent


def _graded(group: ScoredGroup) -> list[bool]:
    return [s.verdict is not Verdict.UNGRADABLE for s in group.scores_G]
