"""A pipeline of real stages: a base, its traces, and a student that learns from them. Some 90 seconds."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from r1rl.pipeline.kinds import kinds
from r1rl.pipeline.recipe import load_pipeline
from r1rl.pipeline.run import plan, run
from r1rl.provenance import ancestors
from r1rl.traces.store import read

pytestmark = pytest.mark.slow

TEXT = """\
name: real
defaults:
  policy: {dtype: float32, max_length: 64}
  data: {source: addition, options: {digits: 2}}
  reward: [{fn: "number:correct"}]
  rollout: {max_tokens: 40, prompts: 4, group: 2, memory_gib: 0.25}
  learner: {lr: 1.0e-3}
  eval: {problems: 8}
stages:
  base: {do: base, recipe: {policy: {init: tiny}, warmup: {steps: 6, batch: 16, lr: 7.0e-3, optimizer: muon}}}
  traces: {do: sample, policy: base, k: 2, problems: 8, at_once: 16}
  kept: {do: reject, traces: traces, rules: {correct: false, format: null, max_repetition: null, against: []}}
  small: {do: base, recipe: {policy: {init: llama-micro}, warmup: {steps: 6, batch: 16, lr: 7.0e-3, optimizer: muon}}}
  student:
    do: distill
    policy: small
    teacher: base
    traces: kept
    recipe: {method: reverse_kl, teacher: {top_k: 8}, train: {batch: 2, steps: 2}}
"""


def test_a_student_learns_a_teachers_distribution_on_its_traces(tmp_path, monkeypatch):
    monkeypatch.setenv("R1RL_HOME", str(tmp_path / "home"))
    (tmp_path / "real.yaml").write_text(TEXT)
    pipeline = load_pipeline(tmp_path / "real.yaml", [], kinds())
    folders = run(Console(file=io.StringIO()), pipeline, kinds(), tmp_path / "out")
    assert len(list(read(folders["traces"]))) == 16
    assert (folders["student"] / "checkpoints" / "step-000002" / "model.safetensors").is_file()
    roles = [(depth, role) for depth, role, _, _ in ancestors(folders["student"])]
    assert roles == [(0, ""), (1, "policy"), (1, "teacher"), (1, "traces"), (2, "traces"), (3, "policy")]
    assert all(": " in line for line in plan(pipeline, kinds(), tmp_path / "out", None, None))
