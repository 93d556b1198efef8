"""`r1rl plan` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from r1rl.cli import app
from r1rl.errors import UserError
from r1rl.planning import policy
from r1rl.planning.hardware import GPUS, card
from r1rl.recipe import load_recipe


def planned(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["plan", "r1_zero_tiny", *arguments])
    if result.exception:
        raise result.exception
    return result.output


def test_the_answer_comes_first() -> None:
    lines = planned("--gpus", "2", "--gpu", "h200").splitlines()
    assert lines[0].startswith("r1_zero_tiny on 2 x h200")
    assert "fits" in lines[0]
    assert "GPU-hours" in lines[1]
    assert lines[2].startswith("bottleneck: ")


def test_every_part_is_shown() -> None:
    output = planned("--gpu", "cpu")
    for part in ("gradients", "optimizer", "activations", "workspace", "reference", "KV cache", "outbox", "wasted"):
        assert part in output


def test_illegal_batch_arithmetic_is_told_with_the_nearest_legal_values() -> None:
    output = planned("--gpu", "cpu", "learner.updates_per_rollout=3")
    assert "breaks rules" in output
    assert "do not divide" in output
    assert "learner.updates_per_rollout = 2 or 4" in output


def test_a_recipe_that_does_not_fit_gets_a_layout_that_does() -> None:
    output = planned("policy.init=671B", "policy.dtype=auto", "--gpu", "h100", "--gpus", "8")
    assert "does not fit" in output
    assert "on fewer nothing fits" in output
    assert "published: " in output


def test_planning_imports_no_torch() -> None:
    code = "import sys, r1rl.cli, r1rl.planning.command; print({'torch', 'transformers', 'ray'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", [*GPUS, "cpu"])
def test_every_card_can_be_planned_for(name: str) -> None:
    assert "a step" in planned("--gpu", name)


def test_a_misspelt_card_gets_the_nearest_name() -> None:
    with pytest.raises(UserError, match="h10") as error:
        card("h10")
    assert "h100" in error.value.instead


@pytest.mark.parametrize("text", ["", "[]", "{", '{"model_type": "gpt2"}', '{"model_type": "llama"}', "\xff"])
def test_a_config_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError):
        planned(f"policy.path={tmp_path}", "policy.init=null")


def test_a_hub_id_that_is_not_here_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(UserError, match="on this machine"):
        policy.fields("org/model-that-is-not-here", None)


def test_fields_that_hub_configs_leave_out_have_their_usual_values(tmp_path: Path) -> None:
    fields = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "vocab_size": 100,
    }
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert "llama, 2 layers of width 64" in planned(f"policy.path={tmp_path}", "policy.init=null")


def test_the_suggestion_is_a_legal_recipe() -> None:
    suggested = next(line for line in planned("--gpus", "4", "--gpu", "l40s").splitlines() if "learner.ranks=" in line)
    recipe = load_recipe("r1_zero_tiny", suggested.split())
    assert recipe.learner.ranks == 4


def test_settings_of_the_learner_are_planned_for() -> None:
    def rows(*overrides: str) -> dict[str, str]:
        lines = planned("--gpu", "h100", "policy.init=100M", "policy.dtype=auto", *overrides).splitlines()
        return {line.split()[0]: line for line in lines if line.strip()}

    plain = rows()
    assert rows("learner.optimizer=adamw_8bit")["optimizer"] != plain["optimizer"]
    assert rows("learner.checkpointing=true")["activations"] != plain["activations"]
    assert "reference" in plain
    adapters = rows("learner.lora={rank: 8}")
    assert "trained" in adapters
    assert "reference" not in adapters
