"""Canaries: nobody can solve them, nobody is trained on them, and whoever is paid for them is seen."""

from __future__ import annotations

import pytest

from r1rl import canary, metrics
from r1rl.rewards import countdown, number
from r1rl.stream import Stream, open_source
from r1rl.types import Completion, Group, Score, ScoredGroup, Verdict


def scored(problem, verdict):
    completion = Completion(token_ids_T=(1,), logprobs_T=(0.0,), finish="stop", version=0)
    score = Score(value=1.0, parts={"a": 1.0}, verdict=verdict, detail="")
    group = Group(problem=problem, prompt_ids_T=(1,), completions_G=(completion,) * 2)
    return ScoredGroup(group=group, texts_G=("", ""), scores_G=(score, score))


@pytest.mark.parametrize(("name", "judge"), [("addition", number.correct), ("countdown", countdown.correct)])
def test_a_right_answer_to_a_canary_is_wrong_and_all_others_stay_as_they_are(name, judge):
    source = open_source(name, 0, {})
    for ordinal in range(20):
        problem, right = source.worked(ordinal)
        assert judge(problem, right) is Verdict.CORRECT
        unsolvable = canary.problem(source, ordinal)
        assert unsolvable.question == problem.question
        assert judge(unsolvable, right) is Verdict.WRONG


def test_their_share_is_even_and_does_not_depend_on_where_a_stream_starts():
    source = open_source("addition", 0, {})
    straight = Stream(source, 0, 0.1).take(200)
    assert [i for i, p in enumerate(straight) if p.meta.get("canary")] == list(range(9, 200, 10))
    assert straight[37:] == Stream(source, 37, 0.1).take(163)
    assert [p for p in straight if not p.meta.get("canary")] == [
        p for i, p in enumerate(Stream(source).take(200)) if i % 10 != 9
    ]


def test_a_source_with_one_answer_can_have_none():
    class Same:
        def problem(self, split, ordinal):
            return open_source("addition", 0, {}).problem("train", 0)

    with pytest.raises(ValueError, match="no canaries"):
        canary.problem(Same(), 3)


def test_they_are_measured_apart():
    source = open_source("addition", 0, {})
    groups = [scored(p, Verdict.CORRECT) for p in Stream(source, 8, 0.1).take(3)]
    honest, canaries = canary.split(groups)
    assert (len(honest), len(canaries)) == (2, 1)
    assert metrics.of_canaries(canaries) == {"reward/canary/mean": 1.0}
    assert metrics.of_canaries([scored(canaries[0].group.problem, Verdict.WRONG)]) == {"reward/canary/mean": 0.0}
    assert metrics.of_canaries([]) == {}
