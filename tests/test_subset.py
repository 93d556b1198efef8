"""A part of a suite: every stratum has its share, and the choice is the same on every machine."""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl import catalogue
from r1rl.corpus import load
from r1rl.evaluation.subset import stratified
from r1rl.types import Problem

SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared")) / "data"


def problem(name: str, level: int) -> Problem:
    return Problem(id=name, question="?", gold="1", meta={"level": level})


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.data())
def test_every_level_has_its_share_to_within_one(levels, data):
    problems = [problem(f"s/{i}", level) for i, level in enumerate(levels)]
    count = data.draw(st.integers(1, len(problems)))
    part = stratified(problems, count)
    assert len(part) == len({p.id for p in part}) == count
    assert list(part) == [p for p in problems if p in part]  # in the suite's order
    whole, chosen = Counter(levels), Counter(p.meta["level"] for p in part)
    assert all(abs(chosen[level] - count * whole[level] / len(levels)) < 1 for level in whole)


def test_the_order_of_the_suite_does_not_change_the_choice():
    problems = [problem(f"s/{i}", i % 3) for i in range(50)]
    shuffled = random.Random(0).sample(problems, 50)
    assert {p.id for p in stratified(problems, 17)} == {p.id for p in stratified(shuffled, 17)}


def test_a_suite_without_levels_is_one_stratum():
    problems = [Problem(id=f"s/{i}", question="?", gold="1") for i in range(100)]
    ids = [int(p.id[2:]) for p in stratified(problems, 50)]
    assert 15 <= sum(i < 50 for i in ids) <= 35  # not the first ones


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the data set")
def test_the_hundred_of_math500_are_these(monkeypatch):
    monkeypatch.setenv("R1RL_DATA", str(SHARED))
    part = stratified(load.problems(catalogue.corpus("math500")), 100)
    assert hashlib.sha256("\n".join(p.id for p in part).encode()).hexdigest()[:16] == "b65842630480c255"
    assert Counter(p.meta["level"] for p in part) == {1: 8, 2: 18, 3: 21, 4: 27, 5: 26}
