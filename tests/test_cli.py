"""The command line as a user meets it: exit codes, and mistakes told without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = """\
name: demo
policy: {init: tiny}
warmup: {steps: 5, lr: 3.0e-3}
reward:
  - {fn: "number:correct"}
rollout:
  prompts: 32
  group: 8
  max_tokens: 64
  temperature: 1.0
learner:
  lr: 3.0e-4
  updates_per_rollout: 1
train:
  steps: 80
"""
HEAVY = ("torch", "ray", "vllm", "transformers", "numpy")


def r1rl(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return python("-m", "r1rl", *map(str, arguments), cwd=cwd)


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"COLUMNS": "200", "R1RL_HOME": str(cwd / "home")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


def written(folder: Path, old: str = "", new: str = "") -> Path:
    """The recipe in a file mine.yaml, with one change."""
    assert not old or RECIPE.count(old) == 1
    file = folder / "mine.yaml"
    file.write_text(RECIPE.replace(old, new) if old else RECIPE)
    return file


def test_a_good_recipe_is_checked_without_anything_heavy(tmp_path):
    written(tmp_path)
    code = (
        "import sys\n"
        "from r1rl.cli import main\n"
        "sys.argv = ['r1rl', 'check', 'mine.yaml']\n"
        "try:\n    main()\n"
        f"finally:\n    print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = python("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "demo: fine (80 steps of 32 x 8 answers, grpo" in done.stdout
    assert "heavy: []" in done.stdout


def line_of(file: Path, text: str) -> int:
    return 1 + next(i for i, line in enumerate(file.read_text().splitlines()) if text in line)


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr, done.stderr


def test_an_unknown_key_is_told_with_its_line_and_the_nearest_key(tmp_path):
    file = written(tmp_path, "temperature: 1.0", "temprature: 1.0")
    done = r1rl("check", "mine.yaml", cwd=tmp_path)
    assert_told(done, f"mine.yaml:{line_of(file, 'temprature')}", "`rollout.temprature`", "`temperature`")


def test_impossible_batches_are_told_with_numbers_that_work(tmp_path):
    file = written(tmp_path, "updates_per_rollout: 1", "updates_per_rollout: 3")
    done = r1rl("check", "mine.yaml", cwd=tmp_path)
    assert_told(done, f"mine.yaml:{line_of(file, 'updates_per_rollout')}", "32 * 8 = 256", "2 or 4")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", "r1_zero_tyni"], ["there is no recipe r1_zero_tyni", "r1_zero_tiny"]),
        (
            ["check", "r1_zero_tiny", "policy.init=null", "warmup=null", "policy.path=/no/such/[red]folder"],
            ["/no/such/[red]folder is neither a folder nor a hub id"],
        ),
        (["check", "r1_zero_tiny", "rollout.temprature=1"], ["temprature", "temperature"]),
    ],
    ids=["recipe", "policy", "override"],
)
def test_a_users_mistake_exits_with_2_and_no_traceback(tmp_path, arguments, words):
    assert_told(r1rl(*arguments, cwd=tmp_path), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recipees"], ["recipees"]),
        (["check"], ["RECIPE"]),
        (["eval", ".", "--problems", "0"], ["--problems"]),
        (["check", "mine.yaml", "--steps"], ["--steps"]),
    ],
    ids=["command", "argument", "value", "option"],
)
def test_a_wrong_command_line_exits_with_2_and_no_traceback(tmp_path, arguments, words):
    assert_told(r1rl(*arguments, cwd=tmp_path), *words)


def test_no_arguments_show_the_help(tmp_path):
    done = r1rl(cwd=tmp_path)
    assert "Traceback" not in done.stderr
    assert "recipes" in done.stdout + done.stderr


def test_a_mistake_leaves_nothing_behind(tmp_path):
    assert_told(r1rl("train", "r1_zero_tiny", "learner.lr=-1", cwd=tmp_path), "learner.lr")
    assert list(tmp_path.iterdir()) == []


def test_recipes_are_listed(tmp_path):
    done = r1rl("recipes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "r1_zero_tiny" in done.stdout


def test_a_full_disk_is_one_clear_error(tmp_path):
    script = (
        "import errno, sys\nfrom r1rl import cli\n"
        "def full(*_): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "cli.check_any = full\nsys.argv = ['r1rl', 'check', 'x']\ncli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "is full" in done.stderr
    assert "--resume" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_starting_a_run_says_nothing_of_its_libraries_own_troubles(tmp_path):
    said = python("-c", "from r1rl.output import hush_libraries as h; h(); import r1rl.train", cwd=tmp_path)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")
