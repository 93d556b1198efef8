"""Dynamic sampling: flat groups are made up for by further problems, within bounds, and a stream goes on from there."""

from __future__ import annotations

import doctest
from contextlib import contextmanager, nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

import r1rl.harvest
from r1rl.harvest import gather
from r1rl.stream import Stream
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict


class Source:
    """Problem n is informative if `pattern` says so; the pattern starts again at its end."""

    def __init__(self, pattern):
        self.pattern = pattern

    def problem(self, split, ordinal):
        kind = self.pattern[ordinal % len(self.pattern)]
        return Problem(id=str(ordinal), question=kind, gold=str(ordinal))


class Crew:
    """Answers whose rewards differ where the question says "teaches", and cannot be judged where it says "broken".

    Two engines answer: every other problem each, and the one with the first problem is done last.
    """

    def __init__(self):
        self.asked = []
        self.done = []

    def roll_out(self, problems, step, round):
        self.asked.append((step, round, len(problems)))
        for share in (range(1, len(problems), 2), range(0, len(problems), 2)):
            if share:
                self.done.append("answers")
                yield {i: Group(problem=problems[i], prompt_ids_T=(1,), completions_G=(ANSWER, ANSWER)) for i in share}

    def score(self, groups):
        self.done.append("scores")
        return [ScoredGroup(group=g, texts_G=("", ""), scores_G=scores(g.problem.question)) for g in groups]


ANSWER = Completion(token_ids_T=(1,), logprobs_T=(0.0,), finish="stop", version=0)


def scores(kind):
    values = {"teaches": (1.0, 0.0), "flat": (1.0, 1.0), "broken": (5.0, 0.0)}[kind]
    verdict = Verdict.UNGRADABLE if kind == "broken" else Verdict.WRONG
    return tuple(Score(value=value, parts={}, verdict=verdict, detail="") for value in values)


def reap(stream, prompts, rounds, step=1):
    crew = Crew()
    return gather(crew, stream.take, prompts, rounds, step, lambda room: nullcontext()), crew.asked


def ids(groups):
    return [int(g.group.problem.id) for g in groups]


def test_one_round_keeps_everything_flat_or_not():
    harvest, asked = reap(Stream(Source(["flat", "teaches"])), 4, 1)
    assert ids(harvest.kept) == ids(harvest.scored) == [0, 1, 2, 3]
    assert asked == [(1, 0, 4)]


def test_answers_are_judged_while_another_engine_still_samples():
    crew, rooms = Crew(), []

    @contextmanager
    def clock(room):
        rooms.append((room, len(crew.done)))
        yield

    gather(crew, Stream(Source(["teaches"])).take, 4, 1, 1, clock)
    assert crew.done == ["answers", "scores", "answers", "scores"]
    assert rooms == [("rollout", 0), ("reward", 3)]  # what the last engine brought is all that is waited for


def test_each_round_asks_for_what_is_missing_until_the_step_is_full():
    stream = Stream(Source(["flat", "teaches"]))
    harvest, asked = reap(stream, 4, 9)
    assert asked == [(1, 0, 4), (1, 1, 2), (1, 2, 1), (1, 3, 1)]
    assert ids(harvest.kept) == [1, 3, 5, 7]
    assert ids(harvest.scored) == list(range(8))
    assert stream.position == 8
    assert harvest.numbers() == {"rollout/rounds/count": 4, "rollout/groups/count": 8, "rollout/kept_groups/count": 4}


def test_when_the_rounds_are_used_up_what_is_there_is_trained_on():
    harvest, asked = reap(Stream(Source(["flat", "flat", "flat", "teaches"])), 4, 2)
    assert len(asked) == 2
    assert ids(harvest.kept) == [3]


@pytest.mark.parametrize("kind", ["flat", "broken"])
def test_when_no_group_teaches_all_are_kept(kind):
    harvest, asked = reap(Stream(Source([kind])), 3, 4)
    assert len(asked) == 4
    assert ids(harvest.kept) == ids(harvest.scored) == list(range(12))


def test_canaries_are_measured_and_made_up_for():
    harvest, _ = reap(Stream(Source(["teaches"]), canaries=0.25), 4, 3)
    assert ids(harvest.kept) == [0, 1, 2, 4]
    assert len(harvest.canaries) == 1
    assert len(harvest.honest) == 4


kinds = st.lists(st.sampled_from(["teaches", "flat", "broken"]), min_size=1, max_size=7)


@given(kinds, st.integers(1, 6), st.integers(2, 5), st.integers(0, 20))
def test_kept_groups_are_informative_never_too_many_and_the_place_tells_all(pattern, prompts, rounds, position):
    stream = Stream(Source(pattern), position)
    harvest, asked = reap(stream, prompts, rounds)
    taken = sum(count for _, _, count in asked)
    assert ids(harvest.scored) == list(range(position, position + taken))  # no problem is left out or asked twice
    assert stream.position == position + taken
    teaching = [g for g in harvest.scored if g.group.problem.question == "teaches"]
    assert list(harvest.kept) == (teaching or list(harvest.honest))
    assert len(teaching) <= prompts
    assert len(teaching) == prompts or len(asked) == rounds
    resumed, _ = reap(Stream(Source(pattern), stream.position), prompts, rounds, step=2)
    straight, _ = reap(stream, prompts, rounds, step=2)
    assert resumed == straight


def test_worked_examples():
    assert doctest.testmod(r1rl.harvest).failed == 0
