"""Whole runs through the command line, with real Ray and real vLLM: progress, resume, refusal, and no orphans."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.processes import Cli, rows, train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def straight(home, tmp_path_factory):
    """A run of four steps that nothing interrupts."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    run = train(home, folder, "train.steps=4")
    code, output = run.finish()
    assert code == 0, output
    run.assert_no_orphans()
    return folder, output


def weights(folder, step):
    from safetensors.torch import load_file

    return load_file(folder / "checkpoints" / f"step-{step:06d}" / "model.safetensors")


def test_a_run_leaves_everything_it_promises(straight):
    folder, output = straight
    result = json.loads((folder / "result.json").read_text())
    assert result["steps"] == 4
    assert result["seed"] == 0
    assert set(result["eval"]) == {"before", "after"}
    assert set(result["eval"]["after"]) == {"accuracy", "low", "high", "n"}
    assert result["eval"]["after"]["n"] == 16
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert [row["step"] for row in rows(folder)] == [0, 1, 2, 3, 4]
    assert list((folder / "events").iterdir())
    held_out = sorted(file.name for file in (folder / "rollouts").glob("heldout-*"))
    assert held_out == ["heldout-000000.txt", "heldout-000004.txt"]
    assert json.loads((folder / "best.json").read_text()) == {"step": 4}  # the only trained policy evaluated
    answers = (folder / "rollouts" / "step-000001.jsonl").read_text().splitlines()
    assert len(answers) in range(16, 33, 4)  # of whole groups: four problems, and up to four more for flat ones
    assert {json.loads(line)["version"] for line in answers} == {0}
    assert "rollout-0.log" in os.listdir(folder / "logs")
    assert json.loads((folder / "environment.json").read_text())["revision"]
    assert "before" in output
    assert "INFO" not in output  # vLLM's and Ray's noise stays in the logs


def checkpoint_of(straight, step):
    return straight[0] / "checkpoints" / f"step-{step:06d}"


def test_checkpoints_load_in_transformers_unchanged(straight):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = straight[0] / "checkpoints" / "step-000004"
    model, info = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert type(model).__name__ == "DeepseekV3ForCausalLM"
    assert AutoTokenizer.from_pretrained(folder).decode([0]) == "<|end|>"


def test_an_exported_checkpoint_loads_and_says_where_it_comes_from(straight, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    from r1rl.export import export

    out = export(f"{straight[0]}@best", tmp_path / "out", [])
    model = AutoModelForCausalLM.from_pretrained(out)
    assert model.generation_config.eos_token_id == AutoTokenizer.from_pretrained(out).eos_token_id
    assert GenerationConfig.from_pretrained(out).max_new_tokens == 40
    ours, theirs = (model.state_dict(), AutoModelForCausalLM.from_pretrained(checkpoint_of(straight, 4)).state_dict())
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    assert "made from nothing, size tiny, warmed up by 8" in (out / "README.md").read_text()
    assert not list(out.glob("trainer*"))


def test_an_existing_run_is_refused_without_resume(home, straight):
    code, output = train(home, straight[0], "train.steps=4").finish(60)
    assert code == 2
    assert "already holds a run" in output


def test_a_changed_recipe_is_refused_on_resume(home, straight):
    code, output = train(home, straight[0], "train.steps=4", "learner.lr=1", "--resume").finish(60)
    assert code == 2
    assert "learner.lr" in output


def test_killed_and_resumed_equals_never_stopped(home, straight, tmp_path):
    folder = tmp_path / "run"
    stopped = train(home, folder, "train.steps=4")
    stopped.until("step 1/4")
    while not (folder / "rollouts" / "step-000003.jsonl").exists():
        time.sleep(0.05)
    os.kill(stopped.process.pid, signal.SIGKILL)
    stopped.process.wait()
    stopped.assert_no_orphans(60)
    resumed = train(home, folder, "train.steps=4", "--resume")
    code, output = resumed.finish()
    assert code == 0, output
    assert rows(folder) == rows(straight[0])
    ours, theirs = weights(folder, 4), weights(straight[0], 4)
    assert ours.keys() == theirs.keys()
    assert all((ours[name] == theirs[name]).all() for name in ours)


def test_a_checkpoint_is_evaluated_and_an_evaluation_goes_on(home, straight, tmp_path):
    folder, _ = straight
    command = ("eval", f"{folder}@2", "--k", "3", "--problems", "16", "--out", tmp_path / "eval")
    evaluation = Cli(home, *command)
    code, output = evaluation.finish()
    assert code == 0, output
    evaluation.assert_no_orphans()
    suite = tmp_path / "eval" / "heldout"
    results = json.loads((suite / "results.json").read_text())
    assert (results["n"], results["k"]) == (16, 3)
    assert set(results["estimates"]) >= {"avg@3", "pass@1", "maj@1"}
    assert "<html" in (suite / "report.html").read_text()
    samples = (suite / "samples.jsonl").read_text()
    assert len(samples.splitlines()) == 48
    kept = samples.splitlines(keepends=True)[: 3 * 9 + 1]  # nine problems, and one answer of a tenth
    (suite / "samples.jsonl").write_text("".join(kept) + '{"id": "cut o')
    again = Cli(home, *command)
    code, output = again.finish()
    assert code == 0, output
    assert "9 of them answered before" in output
    after = sorted((suite / "samples.jsonl").read_text().splitlines())
    assert after == sorted(samples.splitlines())
    code, output = Cli(home, *command, "--temperature", "0.5").finish(60)
    assert code == 2, output
    assert "holds another evaluation: sampling differ" in output
