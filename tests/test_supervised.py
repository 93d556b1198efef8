"""Supervised learning with the real learner in this process: it learns, and a stopped run goes on bit for bit."""

from __future__ import annotations

import io
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from r1rl import chat, checkpoint, metrics, train
from r1rl.crew import TrainingCrew
from r1rl.distillation import supervised
from r1rl.evaluate import HELDOUT, Accuracy, Exam
from r1rl.learner import Learner, LearnerSpec
from r1rl.policy import init
from r1rl.policy import model as policy_model
from r1rl.policy.companion import Settings
from r1rl.policy.divergence import Divergence
from r1rl.policy.teaching import Teaching
from r1rl.recipe import load_recipe
from r1rl.report import Report
from r1rl.run import Run
from r1rl.traces.lessons import Form, lessons
from tests.traces import folder, group

EXAM = Accuracy(accuracy=0.5, low=0.4, high=0.6, n=9, no_answer=0, truncated=0, ungradable=0, tokens=9)


@pytest.fixture
def student(tmp_path):
    from r1rl.policy.tokenizer import train as train_tokenizer

    own = train_tokenizer([f" {a}+7=? <think>{a}, way 1</think>" for a in range(99)], chat.pieces("")[0])
    place = tmp_path / "student"
    policy_model.save(init.make("llama-micro", own, 64, 0), torch.float32, place)
    own.save_pretrained(place)
    return place


@pytest.fixture
def crew_in_process(monkeypatch, tmp_path):
    """No Ray, no vLLM: the learner itself, and no exams."""
    import r1rl.learner.actor as actor

    monkeypatch.setattr(actor, "redirect_output", lambda log: None)
    monkeypatch.setattr(supervised.cluster, "connected", lambda address: nullcontext())
    monkeypatch.setattr(supervised, "held_out_problems", lambda source, count: [])
    numbers = Exam(name=HELDOUT, problems=(), judges=None).numbers(EXAM)
    monkeypatch.setattr(train, "evaluate", lambda crew, exams, report, step: numbers)
    monkeypatch.setattr(train, "assemble", _assemble)


class InProcess(Learner):
    def learn(self, *arguments):
        sums = super().learn(*arguments)
        return lambda: sums


def _assemble(stack, recipe, run, newest, report, teaching=None):
    spec = LearnerSpec(
        run_id="t",
        device="cpu",
        dtype="float32",
        transport="shm",
        threads=1,
        microbatch_tokens=256,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=run.logs / "x",
    )
    learner = InProcess(spec)
    learner.load(newest or Path(recipe.policy.path), extras=replace(Settings(), teaching=teaching))
    crew = TrainingCrew(
        recipe=recipe,
        dtype="float32",
        tokenizer=None,
        rollouts=SimpleNamespace(sync=lambda parcel: None),
        judges=None,
        learners=learner,
        version=0,
    )
    learner.pack = lambda version: None
    place = checkpoint.read(newest) if newest else train.Place(step=0, version=0, position=0)
    return crew, place


def do(student, tmp_path, name, steps, teaching=None, worth=1.0):
    recipe = load_recipe(
        "r1_zero_tiny",
        [
            "warmup=null",
            f"policy={{path: {student}, max_length: 64, dtype: float32}}",
            f"train.steps={steps}",
            "train.checkpoint_every=2",
            "learner.lr=3e-3",
            "learner.warmup_steps=0",
            "data.options={digits: 2}",
        ],
    )
    form = Form(tokenizer=chat.load_tokenizer(student), template="r1_zero", max_length=64)
    traces = folder(tmp_path / "traces", [t for ordinal in range(12) for t in group(ordinal)])
    taught = lessons(traces, form, seed=0, validation=0.2, cache=tmp_path / "cache", worth=worth)
    out = tmp_path / name
    run = Run.resume(out, recipe) if out.exists() else Run.create(out, recipe)
    with Report(Console(file=io.StringIO()), recipe, run) as report:
        supervised.learn(recipe, taught, 4, run, report, teaching)
    run._lock_file.close()
    return metrics.read(out), out


def weights(out, step):
    (file,) = checkpoint.folder(out, step).glob("model.safetensors")
    return load_file(file)


def test_it_learns_and_a_stopped_run_goes_on_bit_for_bit(crew_in_process, student, tmp_path):
    rows, straight = do(student, tmp_path, "straight", 6)
    losses = [row["validation/nll/mean"] for row in rows if "validation/nll/mean" in row]
    assert losses[-1] < losses[0] - 0.5
    assert rows[-1]["lessons/epoch"] > 1
    assert "learner/gap/mean" not in rows[-1]
    do(student, tmp_path, "stopped", 6)
    for step in (4, 6):  # as if it had been killed after step 3: later checkpoints and lines are gone
        shutil.rmtree(checkpoint.folder(tmp_path / "stopped", step))
    again, stopped = do(student, tmp_path, "stopped", 6)
    assert [row["step"] for row in again] == [row["step"] for row in rows]
    for name, tensor in weights(straight, 6).items():
        assert torch.equal(tensor, weights(stopped, 6)[name]), name


def test_a_teachers_distribution_is_learnt_in_place_of_the_text(crew_in_process, student, tmp_path):
    teacher = tmp_path / "teacher"
    policy_model.save(init.make("llama-micro", chat.load_tokenizer(student), 64, 5), torch.float32, teacher)
    teaching = Teaching(folder=teacher, divergence=Divergence(kind="reverse_kl"), temperature=1.0)
    rows, _ = do(student, tmp_path, "taught", 8, teaching, worth=0.0)
    found = [row["policy/divergence/mean"] for row in rows if "policy/divergence/mean" in row]
    assert len(found) == 8
    assert found[-1] < found[0]
    assert rows[-1]["learner/loss"] == 0.0
