"""Whole runs through the command line, with real Ray and real vLLM: progress, resume, refusal, and no orphans."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

RECIPE = "recipes/r1_zero_tiny.yaml"
SMALL = (
    "warmup.steps=8",
    "rollout.prompts=4",
    "rollout.group=4",
    "learner.warmup_steps=0",
    "learner.updates_per_rollout=2",
    "algorithm.sampling_rounds=2",
    "eval.problems=16",
    "train.checkpoint_every=2",
)
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One cache for all runs here: the policy is warmed up once."""
    return tmp_path_factory.mktemp("home")


def _heed_interrupts():
    # A shell without job control makes what it starts in the background, and its children, deaf to interrupts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Cli:
    """One r1rl process, marked so that everything it started can be found."""

    def __init__(self, home, *arguments):
        self.mark = f"R1RL_TEST_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        env = os.environ | {"R1RL_HOME": str(home), name: value, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "r1rl", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        )
        self.lines = []

    def until(self, text, seconds=240):
        """Reads output until a line holds `text`."""
        end = time.monotonic() + seconds
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return
            assert time.monotonic() < end, "".join(self.lines)
        raise AssertionError(f"{text!r} never came:\n" + "".join(self.lines))

    def finish(self, seconds=300):
        rest, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, "".join(self.lines) + rest

    def family(self):
        """Living processes that inherited the mark."""
        return [p for p in psutil.process_iter() if self._marked(p)]

    def _marked(self, process):
        try:
            name, value = self.mark.split("=")
            return process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def assert_no_orphans(self, seconds=30):
        end = time.monotonic() + seconds
        while (left := self.family()) and time.monotonic() < end:
            time.sleep(0.5)
        assert not left, [(p.pid, p.cmdline()) for p in left]


def train(home, folder, *more):
    return Cli(home, "train", RECIPE, *SMALL, *more, "--out", folder)


@pytest.fixture(scope="module")
def straight(home, tmp_path_factory):
    """A run of four steps that nothing interrupts."""
    folder = tmp_path_factory.mktemp("straight") / "run"
    run = train(home, folder, "train.steps=4")
    code, output = run.finish()
    assert code == 0, output
    run.assert_no_orphans()
    return folder, output


COSTS = ("time/", "learner/tokens_per_s", "learner/memory/")  # what a run took, which no run repeats


def rows(folder):
    kept = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.startswith(COSTS)} for row in kept]


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


def test_a_dead_worker_ends_the_run_with_one_clear_error(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=400")
    run.until("step 1/400")
    engine = next(p for p in run.family() if "Engine" in " ".join(p.cmdline()) and "ray::" in " ".join(p.cmdline()))
    engine.kill()
    code, output = run.finish(120)
    assert code == 1, output
    assert "rollout worker 0 died" in output
    assert "Traceback" not in output
    run.assert_no_orphans()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_leaves_no_process_and_says_how_to_go_on(home, tmp_path, asked):
    run = train(home, tmp_path / "run", "train.steps=400")
    run.until("step 1/400")
    os.kill(run.process.pid, asked)
    code, output = run.finish(120)
    assert code == 130, output
    assert "--resume" in output
    assert "Traceback" not in output
    assert asked.name not in output
    run.assert_no_orphans()


def test_two_workers_share_the_work_and_both_get_every_version(home, tmp_path):
    folder = tmp_path / "run"
    settings = ("algorithm.sampling_rounds=1", "rollout.workers=2", "rollout.memory_gib=0.5")
    run = train(home, folder, "train.steps=2", *settings)
    code, output = run.finish()
    assert code == 0, output
    assert all((folder / "logs" / f"rollout-{worker}.log").stat().st_size for worker in (0, 1))
    for step in (1, 2):
        answers = [json.loads(x) for x in (folder / "rollouts" / f"step-00000{step}.jsonl").read_text().splitlines()]
        assert len(answers) == 16
        assert len({a["problem"] for a in answers}) == 4
        assert {a["version"] for a in answers} == {step - 1}
    assert all(row["learner/gap/mean"] < 1e-4 for row in rows(folder)[1:])
    run.assert_no_orphans()


def test_a_cluster_that_is_not_there_is_the_users_error(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=4", "ray.address=127.0.0.1:1")
    code, output = run.finish(120)
    assert code == 2, output
    assert "no Ray cluster at 127.0.0.1:1" in output
    assert "Traceback" not in output
    run.assert_no_orphans()


def test_a_cluster_that_is_there_is_joined_and_left_running(home, tmp_path):
    """Of two nodes, between which weights are broadcast: they may share no memory."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 256 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    try:
        cluster.add_node(**node)
        run = train(home, tmp_path / "run", "train.steps=1", f"ray.address={cluster.address}")
        code, output = run.finish()
        assert code == 0, output
        assert "weights through gloo" in output
        assert (tmp_path / "run" / "result.json").is_file()
        assert all(row["learner/gap/mean"] < 1e-4 for row in rows(tmp_path / "run")[1:])
        assert all(node.any_processes_alive() for node in cluster.list_all_nodes())
        run.assert_no_orphans()
    finally:
        cluster.shutdown()


def test_an_engine_that_is_late_is_named(home, tmp_path):
    run = train(home, tmp_path / "run", "train.steps=4", "rollout.start_deadline_s=1")
    code, output = run.finish(120)
    assert code == 1, output
    assert "rollout worker 0 did not finish starting vLLM within 1 s" in output
    assert "rollout-0.log" in output
    run.assert_no_orphans()


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
