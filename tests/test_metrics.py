"""Metrics: counted by hand on two groups, and a log that a resumed run goes on with."""

from __future__ import annotations

import pytest

from r1rl import metrics
from r1rl.metrics import MetricLog, of_rollouts
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict

PROBLEM = Problem(id="a", question="1+1", gold="2")


def scored(*rows: tuple[int, str, float, Verdict]) -> ScoredGroup:
    """A group of (tokens, finish, reward, verdict); the reward is 1 for a right answer plus the rest for its form."""
    completions = tuple(
        Completion(token_ids_T=(1,) * n, logprobs_T=(0.0,) * n, finish=finish, version=0) for n, finish, _, _ in rows
    )
    scores = tuple(
        Score(
            value=value,
            parts={}
            if verdict is Verdict.UNGRADABLE
            else {"number:correct": float(verdict is Verdict.CORRECT), "my/own/file.py:form": value % 1},
            verdict=verdict,
            detail="",
        )
        for _, _, value, verdict in rows
    )
    group = Group(problem=PROBLEM, prompt_ids_T=(1,), completions_G=completions)
    return ScoredGroup(group=group, texts_G=("",) * len(rows), scores_G=scores)


def test_numbers_of_two_groups():
    groups = [
        scored((4, "stop", 1.5, Verdict.CORRECT), (6, "stop", 0.5, Verdict.WRONG)),
        scored((10, "length", 0.0, Verdict.NO_ANSWER), (2, "stop", 777.0, Verdict.UNGRADABLE)),
    ]
    assert of_rollouts(groups, [False, True]) == pytest.approx(
        {
            "rollout/tokens/mean": 22 / 4,
            "rollout/tokens/max": 10,
            "rollout/truncated/frac": 1 / 4,
            "reward/value/mean": 2 / 3,  # the 777 of the ungradable one is never read
            "reward/correct/mean": 1 / 3,
            "reward/no_answer/frac": 1 / 4,
            "reward/ungradable/frac": 1 / 4,
            "advantage/flat_groups/frac": 1 / 2,
            "reward/number:correct/mean": 1 / 3,
            "reward/file.py:form/mean": 1 / 3,
        }
    )


def test_a_step_that_nobody_could_grade_still_has_numbers():
    numbers = of_rollouts([scored((3, "stop", 5.0, Verdict.UNGRADABLE))], [True])
    assert numbers["reward/ungradable/frac"] == 1
    assert numbers["reward/value/mean"] == numbers["reward/correct/mean"] == 0


def log_steps(folder, keep_steps, steps):
    log = MetricLog(folder, keep_steps)
    for step in steps:
        log.write(step, {"reward/value/mean": step / 10, "time/elapsed": 2.0 * step})
    log.close()


def test_rows_come_back(tmp_path):
    log_steps(tmp_path, 0, [1, 2])
    assert metrics.read(tmp_path) == [
        {"step": 1, "reward/value/mean": 0.1, "time/elapsed": 2.0},
        {"step": 2, "reward/value/mean": 0.2, "time/elapsed": 4.0},
    ]
    assert metrics.elapsed(tmp_path) == 4.0


def test_nothing_logged_yet(tmp_path):
    assert metrics.read(tmp_path) == []
    assert metrics.elapsed(tmp_path) == 0.0


def test_a_resumed_log_equals_one_that_never_stopped(tmp_path):
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    straight.mkdir()
    stopped.mkdir()
    log_steps(straight, 0, range(1, 7))
    log_steps(stopped, 0, range(1, 6))  # killed after step 5, its checkpoint is of step 3
    with open(stopped / "metrics.jsonl", "a") as file:
        file.write('{"step": 6, "reward/val')
    log_steps(stopped, 3, range(4, 7))
    assert (stopped / "metrics.jsonl").read_text() == (straight / "metrics.jsonl").read_text()


def test_a_half_line_at_the_end_is_dropped(tmp_path):
    log_steps(tmp_path, 0, [1])
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"step": 2, "rew')
    assert [row["step"] for row in metrics.read(tmp_path)] == [1]
