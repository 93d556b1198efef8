"""The learner's peak memory, measured in a process of its own, against the plan."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "rows", "length"),
    [("tiny", 128, 64), ("smollm2-135m", 1, 96)],  # activations are nearly all of the first, weights of the second
)
def test_the_learners_peak_is_within_15_percent_of_the_plan(policy: str, rows: int, length: int) -> None:
    command = [sys.executable, "-m", "bench.learner_memory", policy, "--rows", str(rows), "--length", str(length)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["ratio"] == pytest.approx(1.0, abs=0.15), found
