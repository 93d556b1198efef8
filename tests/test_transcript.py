"""Rollouts on disk: every completion, and the first answers that nobody could grade."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from r1rl import transcript
from r1rl.errors import RunError
from r1rl.judge import ungradable
from r1rl.packed import Freight
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict

RIGHT = Score(value=1.0, parts={"number:correct": 1.0}, verdict=Verdict.CORRECT, detail="")


def scored(*scores: Score) -> ScoredGroup:
    completion = Completion(token_ids_T=(1, 2), logprobs_T=(-0.5, -0.25), finish="stop", version=3)
    problem = Problem(id="a", question="1+1", gold="2")
    group = Group(problem=problem, prompt_ids_T=(1,), completions_G=(completion,) * len(scores))
    return ScoredGroup(group=group, texts_G=("text",) * len(scores), scores_G=scores)


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_completion_is_written(tmp_path):
    (tmp_path / "rollouts").mkdir()
    transcript.write(tmp_path, 7, [scored(RIGHT, RIGHT), scored(RIGHT)], show=1)
    rows = lines(tmp_path / "rollouts" / "step-000007.jsonl")
    assert [row["verdict"] for row in rows] == ["correct"] * 3
    assert {row["version"] for row in rows} == {3}
    assert (tmp_path / "rollouts" / "step-000007.txt").read_text().count("text") == 2
    assert not (tmp_path / "ungradable.jsonl").exists()


def test_completions_that_have_travelled_are_written_like_others(tmp_path):
    (tmp_path / "rollouts").mkdir()
    group = scored(RIGHT)
    travelled = pickle.loads(pickle.dumps(Freight(group.group.completions_G)))
    arrived = replace(group, group=replace(group.group, completions_G=tuple(travelled)))
    with transcript.Writer(tmp_path) as writer:
        writer.write(1, [group], show=0)
        writer.write(2, [arrived], show=0)
    own, other = (lines(tmp_path / "rollouts" / f"step-{step:06d}.jsonl") for step in (1, 2))
    assert own == other


def test_the_first_ungradable_answers_are_kept_with_their_reasons(tmp_path):
    (tmp_path / "rollouts").mkdir()
    for step in (1, 2, 3):
        offenders = [ungradable(f"timeout {n}") for n in range(60)]
        transcript.write(tmp_path, step, [scored(RIGHT, *offenders)], show=0)
    kept = lines(tmp_path / "ungradable.jsonl")
    assert len(kept) == transcript.KEPT
    assert [row["step"] for row in kept] == [1] * 60 + [2] * 40
    assert kept[3]["detail"] == "timeout 3"


def test_a_writer_has_written_when_it_is_flushed(tmp_path):
    (tmp_path / "rollouts").mkdir()
    with transcript.Writer(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.write(step, [scored(RIGHT)] * 200, show=1)
    assert [len(lines(tmp_path / "rollouts" / f"step-{step:06d}.jsonl")) for step in (1, 2, 3)] == [200] * 3


def test_the_experts_a_sampler_chose_do_not_travel_to_the_writer(tmp_path):
    (tmp_path / "rollouts").mkdir()
    group = scored(RIGHT).group
    routed = replace(group.completions_G[0], routes=lambda: "cannot be pickled")
    with transcript.Writer(tmp_path) as writer:
        writer.write(1, [replace(scored(RIGHT), group=replace(group, completions_G=(routed,)))], show=1)
    assert len(lines(tmp_path / "rollouts" / "step-000001.jsonl")) == 1


def test_what_could_not_be_written_is_not_passed_over(tmp_path):
    with pytest.raises(FileNotFoundError), transcript.Writer(tmp_path / "gone") as writer:
        writer.write(1, [scored(RIGHT)], show=1)


def test_a_writer_that_died_is_told(tmp_path):
    writer = transcript.Writer(tmp_path)
    writer._process.kill()
    writer._process.wait()
    with pytest.raises(RunError, match="writes rollouts has died"):
        writer.write(1, [scored(RIGHT)] * 2000, show=1)


def test_a_writer_that_died_within_its_answer_is_told():
    answer = pickle.dumps("the error of a write that failed")
    with pytest.raises(RunError, match="writes rollouts has died"), transcript._its_end_is_ours():
        pickle.loads(answer[:-10])


def test_a_writer_ends_with_a_killed_run(tmp_path):
    code = (
        "import os, sys, pathlib; from r1rl import transcript; w = transcript.Writer(pathlib.Path('.'));"
        "print(w._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode == -9
    end = time.monotonic() + 20
    while Path(f"/proc/{found.stdout.strip()}").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_held_out_answers_are_written_beside_the_rollouts(tmp_path):
    (tmp_path / "rollouts").mkdir()
    transcript.write_heldout(tmp_path, 20, [scored(RIGHT), scored(RIGHT)])
    assert (tmp_path / "rollouts" / "heldout-000020.txt").read_text().count("1+1   gold: 2") == 2
