"""What an evaluation is asked for: policies by name, presets, suites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from r1rl import checkpoint
from r1rl.checkpoint import Place
from r1rl.errors import UserError
from r1rl.evaluation import presets
from r1rl.evaluation.suites import open_suite
from r1rl.evaluation.target import Target, digest, resolve
from r1rl.recipe import dump_recipe, load_recipe

RECIPE = load_recipe("r1_zero_tiny", ["eval.temperature=0.7"])


@pytest.fixture
def run(tmp_path) -> Path:
    """A run with the checkpoints of steps 2 and 4."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(dump_recipe(RECIPE))
    for step in (2, 4):
        checkpoint.write(
            folder,
            Place(step=step, version=step + 1, position=9),
            lambda partial: (partial / "config.json").write_text("{}"),
        )
    return folder


def test_a_run_is_its_newest_checkpoint_and_any_step_can_be_named(run):
    assert resolve(str(run)).folder.name == "step-000004"
    assert resolve(f"{run}@2").folder.name == "step-000002"
    assert resolve(f"{run}@2").version == 3
    assert resolve(str(run / "checkpoints" / "step-000002")) == Target(
        name=str(run / "checkpoints" / "step-000002"),
        folder=run / "checkpoints" / "step-000002",
        version=3,
        run=run,
        recipe=RECIPE,
    )


def test_the_best_step_can_be_named(run):
    with pytest.raises(UserError, match="no checkpoint yet"):
        resolve(f"{run}@best")
    checkpoint.name_best(run, 2)
    assert resolve(f"{run}@best").folder.name == "step-000002"


def test_a_plain_folder_has_no_recipe(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    assert resolve(str(tmp_path)).recipe is None


def test_what_is_no_policy_is_the_users_error(run, tmp_path):
    with pytest.raises(UserError, match="@3 has no such checkpoint") as refused:
        resolve(f"{run}@3")
    assert "2, 4" in refused.value.instead
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="neither a run, nor a checkpoint"):
        resolve(str(tmp_path / "empty"))
    with pytest.raises(UserError, match="there is no no/such/thing"):
        resolve("no/such/thing")
    (tmp_path / "empty" / "recipe.yaml").write_text(dump_recipe(RECIPE))
    with pytest.raises(UserError, match="no checkpoint yet"):
        resolve(str(tmp_path / "empty"))


def test_the_digest_of_a_model_sees_weights_and_names(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    before = digest(tmp_path)
    assert digest(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"abd")
    assert digest(tmp_path) != before
    (tmp_path / "model.safetensors").rename(tmp_path / "model-1.safetensors")
    assert digest(tmp_path) != before


def test_a_run_is_asked_as_its_recipe_asks():
    own = presets.choose(None, RECIPE)
    assert (own.template, own.temperature, own.max_tokens, own.samples) == ("r1_zero", 0.7, 40, 1)
    greedy = presets.choose("greedy", RECIPE)
    assert (greedy.template, greedy.temperature, greedy.max_tokens) == ("r1_zero", 0.0, 40)


def test_without_a_recipe_it_is_deepseeks_way_and_own_numbers_win():
    assert presets.choose(None, None) == presets.PRESETS["deepseek"]
    assert presets.choose("deepseek", None, samples=4, temperature=None).samples == 4


def test_presets_that_make_no_sense_are_refused():
    with pytest.raises(UserError, match="no preset 'deepsek'") as refused:
        presets.choose("deepsek", None)
    assert "deepseek" in refused.value.instead
    with pytest.raises(UserError, match="no prompt template 'boxd'"):
        presets.choose("deepseek", None, template="boxd")
    assert presets.choose("deepseek", None, template="boxed").template == "boxed"
    with pytest.raises(UserError, match="the same answer 8 times"):
        presets.choose("greedy", None, samples=8)


def test_the_held_out_suite_is_the_recipes(run):
    target = resolve(str(run))
    suite = open_suite("heldout", target, 5)
    assert len(suite.problems) == 5
    assert suite.judge.fn == "number:correct"
    assert suite.votes
    assert suite.sha != open_suite("heldout", target, 6).sha
    with pytest.raises(UserError, match="more than there are"):
        open_suite("heldout", target, 5000)
    plain = Target(name="a/b", folder=Path("."), version=0, run=None, recipe=None)
    with pytest.raises(UserError, match="has no held-out problems"):
        open_suite("heldout", plain, None)
    with pytest.raises(UserError, match="no data set"):
        open_suite("mth500", plain, None)


def test_a_published_suite_comes_from_a_folder(tmp_path, monkeypatch):
    import hashlib

    rows = [{"id": f"aime2024/{n}", "problem": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(30)]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "aime2024.jsonl").write_text(content)
    entry = {"file": "aime2024.jsonl", "rows": 30, "sha256": hashlib.sha256(b"other").hexdigest()}
    (tmp_path / "MANIFEST.json").write_text(json.dumps([entry]))
    monkeypatch.setenv("R1RL_DATA", str(tmp_path))
    plain = Target(name="a/b", folder=Path("."), version=0, run=None, recipe=None)
    with pytest.raises(UserError, match="sha256"):
        open_suite("aime2024", plain, None)


def test_a_run_is_asked_in_its_policys_own_context_not_in_that_of_its_training(run):
    from r1rl.evaluation.ask import plan_of

    target = resolve(str(run))
    (target.folder / "config.json").write_text('{"max_position_embeddings": 8192}')
    preset = presets.choose(None, RECIPE, max_tokens=512)
    more = {"seed": 0, "workers": 1, "at_once": 8, "memory_gib": None, "dtype": None, "address": None}
    assert plan_of(target, preset, **more).fleet.max_length > 4 * RECIPE.policy.max_length
    (target.folder / "config.json").write_text('{"max_position_embeddings": 96}')
    assert plan_of(target, preset, **more).fleet.max_length == 96
