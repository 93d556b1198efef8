"""The audit: sound rewards pass it, and each kind of hole is found."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from r1rl.answer.extract import tagged
from r1rl.audit import audit, findings
from r1rl.probes import probes_of
from r1rl.recipe import load_recipe
from r1rl.stream import open_source
from r1rl.types import Score, Verdict

SMALL = ["audit.problems=20", "eval.problems=16"]
HOLES = """
from r1rl.rewards import number
from r1rl.types import Verdict

def everything(problem, text):
    return Verdict.CORRECT

def nothing(problem, text):
    return Verdict.WRONG

def anywhere(problem, text):
    return Verdict.CORRECT if problem.gold in text else number.correct(problem, text)

def crashes(problem, text):
    raise ValueError("no")
"""


def audited(*overrides: str) -> tuple[bool, str]:
    said = StringIO()
    fine = audit(Console(file=said, width=200), load_recipe("r1_zero_tiny", [*SMALL, *overrides]))
    return fine, said.getvalue()


@pytest.mark.parametrize(
    "overrides",
    [[], ["data.source=countdown", "data.options={}", "reward.0.fn=countdown:correct", "policy.max_length=512"]],
)
def test_the_packages_rewards_pass_on_their_own_data(overrides):
    fine, said = audited(*overrides)
    assert fine, said
    assert "can be trusted" in said
    assert "second grader" in said


@pytest.mark.parametrize(
    ("hole", "found"),
    [
        ("everything", "mistake, empty answer"),
        ("anywhere", "mistake, answer inside the thinking"),
        ("nothing", "mistake, gold against itself"),
        ("crashes", "ungradable, gold against itself"),
    ],
)
def test_holes_are_found(tmp_path, hole, found):
    (tmp_path / "holes.py").write_text(HOLES)
    fine, said = audited(f"reward.0.fn={tmp_path}/holes.py:{hole}")
    assert not fine
    assert found in said
    assert "is not ready" in said


def test_limits_can_be_raised_knowingly(tmp_path):
    (tmp_path / "holes.py").write_text(HOLES)
    fine, _ = audited(f"reward.0.fn={tmp_path}/holes.py:nothing", "audit.max_false_negatives=0.99")
    assert not fine  # all of them
    limits = ["audit.max_false_positives=0.99", "audit.max_ungradable=0.99"]
    (tmp_path / "half.py").write_text(
        HOLES + "\ndef half(problem, text):\n    return "
        "everything(problem, text) if problem.gold < '5' else nothing(problem, text)\n"
    )
    assert audited(f"reward.0.fn={tmp_path}/half.py:half", *limits, "audit.max_false_negatives=0.99")[0]


def test_no_wrong_probe_holds_the_gold_as_its_final_answer():
    source = open_source("addition", 0, {"digits": 2})
    for probe in probes_of(source, 10):
        assert probe.deserves == (tagged(probe.answer.text) == [probe.answer.problem.gold])


def test_ungradable_answers_are_no_mistakes():
    probes = list(probes_of(open_source("addition", 0, {"digits": 2}), 3))
    scores = [Score(value=0.0, parts={}, verdict=Verdict.UNGRADABLE, detail="") for _ in probes]
    found = findings(probes, scores)
    assert all(len(f.ungradable) == f.tried and not f.mistakes for f in found)


def test_problems_of_ones_own_are_audited(tmp_path):
    rows = [{"problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(60)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = ["data.source=jsonl", f"data.options={{path: {tmp_path}/mine.jsonl}}", "eval.problems=2"]
    fine, said = audited(*data, "policy.init=null", "policy.path=org/name", "warmup=null")
    assert fine, said
