"""A judge's slate: what was written on it is read in order, whatever happened to the judge."""

from __future__ import annotations

import doctest
import os
import signal
import time

import pytest

import r1rl.slate
from r1rl.slate import SIZE, Slate, blank
from r1rl.types import Score, Verdict


def score(value: float, detail: str = "") -> Score:
    return Score(value=value, parts={"a:b": value}, verdict=Verdict.WRONG, detail=detail)


def test_scores_come_back_in_order_and_a_wiped_slate_has_none():
    slate = Slate(blank())
    for _ in range(2):
        slate.wipe()
        for value in (1.0, 2.0, 3.0):
            slate.add(score(value))
        assert slate.scores(9) == [score(1.0), score(2.0), score(3.0)]
        assert slate.scores(2) == [score(1.0), score(2.0)]


def test_progress_says_since_when_the_next_answer_is_judged():
    slate = Slate(blank())
    start = time.monotonic()
    slate.wipe()
    first = slate.progress()
    slate.add(score(1.0))
    second = slate.progress()
    assert (first.done, second.done) == (0, 1)
    assert start <= first.turned <= second.turned <= time.monotonic()


def test_scores_outlive_the_process_that_wrote_them():
    slate = Slate(blank())
    slate.wipe()
    pid = os.fork()
    if not pid:
        slate.add(score(1.0))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    assert slate.scores(1) == [score(1.0)]


def test_a_score_for_which_there_is_no_room_is_refused_and_those_before_stay():
    slate = Slate(blank())
    slate.wipe()
    slate.add(score(1.0))
    with pytest.raises(IndexError):
        slate.add(score(2.0, detail="x" * SIZE))
    assert slate.scores(2) == [score(1.0)]


def test_the_doctests_hold():
    assert doctest.testmod(r1rl.slate).failed == 0
