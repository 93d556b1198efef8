"""Exported folders: only what is to be given away, the same weights, and a card with numbers and lineage."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from r1rl import checkpoint
from r1rl.checkpoint import Place
from r1rl.errors import UserError
from r1rl.evaluation.target import digest
from r1rl.export import export
from r1rl.policy.folder import ORIGIN
from r1rl.recipe import dump_recipe, load_recipe
from tests.evaluated import DEFINED, write
from tests.test_chat import make_tokenizer

NOW = {"revision": "abc123", "started": "2026-11-25", "packages": {"vllm": "0.26.0"}, "gpus": [], "cpu": "a CPU"}


def fill(folder):
    """A policy as a learner saves it, with what only training needs."""
    make_tokenizer().save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    (folder / "model.safetensors").write_bytes(folder.name.encode())
    (folder / "trainer.pt").write_bytes(b"optimizer state")


@pytest.fixture
def base(tmp_path):
    """A fetched model: it knows its origin."""
    folder = tmp_path / "base"
    folder.mkdir()
    fill(folder)
    (folder / ORIGIN).write_text(json.dumps({"model": "org/base", "licence": "apache-2.0", "sha256": "77aa"}))
    return folder


@pytest.fixture
def run(tmp_path, base):
    """A run of that model with the checkpoints of steps 2 and 4, an accuracy for each, step 2 the best."""
    run = tmp_path / "run"
    run.mkdir()
    changes = ["policy.init=null", f"policy.path={base}", "warmup=null", "seed=3", "data.template=boxed"]
    (run / "recipe.yaml").write_text(dump_recipe(load_recipe("r1_zero_tiny", changes)))
    (run / "environment.json").write_text(json.dumps(NOW))
    rows = [
        {"step": step, "eval/accuracy": right, "eval/low": 0.1, "eval/high": 0.9, "eval/n": 768}
        for step, right in ((0, 0.353), (2, 0.704), (4, 0.611))
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for step in (2, 4):
        checkpoint.write(run, Place(step=step, version=step, position=9), fill)
    checkpoint.name_best(run, 2)
    return run


def card(folder):
    front, _, text = (folder / "README.md").read_text().removeprefix("---\n").partition("---\n")
    return yaml.safe_load(front), text


def test_the_best_step_of_a_run(run, tmp_path):
    out = export(f"{run}@best", tmp_path / "out", [])
    assert not {"trainer.pt", checkpoint.STATE} & {file.name for file in out.iterdir()}
    assert digest(out) == digest(checkpoint.folder(run, 2))
    front, text = card(out)
    assert front["base_model"] == "org/base"
    assert front["license"] == "apache-2.0"
    for told in (
        "77aa",
        "abc123",
        "r1_zero_tiny",
        "grpo",
        "addition",
        "number:correct",
        "vllm 0.26.0",
        "a CPU",
        "35.3",
    ):
        assert told in text
    assert "70.4" in text
    assert "61.1" not in text  # of a later step
    assert "{question}\nPlease reason step by step" in text
    known = json.loads((out / ORIGIN).read_text())
    assert (known["step"], known["seed"], known["parent"]["model"]) == (2, 3, "org/base")


def test_the_generation_config_ends_answers_and_samples_as_in_training(run, tmp_path):
    from transformers import GenerationConfig

    found = GenerationConfig.from_pretrained(export(str(run), tmp_path / "out", []))
    tokenizer = make_tokenizer()
    assert (found.eos_token_id, found.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    assert (found.do_sample, found.temperature, found.max_new_tokens) == (True, 1.0, 40)


def test_evaluations_of_these_weights_are_told_and_no_others(run, tmp_path):
    step2, step4 = (checkpoint.folder(run, step) for step in (2, 4))
    write(run / "evals" / "a" / "aime2024", ["+-", "++", "0-"], replace(DEFINED, model_digest=digest(step2)))
    write(run / "evals" / "b" / "math500", ["++", "++"], replace(DEFINED, model_digest=digest(step4)), "math500")
    out = export(f"{run}@2", tmp_path / "out", [])
    front, text = card(out)
    [told] = front["model-index"][0]["results"]
    assert told["dataset"]["type"] == "HuggingFaceH4/aime_2024"
    assert [(m["name"], m["value"]) for m in told["metrics"]] == [("avg@2", 50.0), ("lenient@2", 66.67)]
    assert "| aime2024 | 3 | avg@2 | 50.0 |" in text
    assert "math500" not in text.partition("## Recipe")[0].replace("held against math500", "")
    assert (out / "results" / "aime2024-t0.6-k2" / "results.json").is_file()
    with pytest.raises(UserError, match="of other weights"):
        export(f"{run}@2", tmp_path / "other", [run / "evals" / "b"])
    assert not (tmp_path / "other").exists()


def test_a_plain_folder_keeps_its_origin(base, tmp_path):
    (base / "generation_config.json").write_text('{"eos_token_id": 7}')
    out = export(str(base), tmp_path / "out", [])
    assert json.loads((out / ORIGIN).read_text()) == json.loads((base / ORIGIN).read_text())
    assert json.loads((out / "generation_config.json").read_text()) == {"eos_token_id": 7}
    assert card(out)[0]["base_model"] == "org/base"


def test_a_parent_that_is_gone_is_still_named(run, base, tmp_path):
    base.rename(tmp_path / "gone")
    front, text = card(export(str(run), tmp_path / "out", []))
    assert "base_model" not in front
    assert str(base) in text


def test_nothing_is_overwritten_and_nothing_half_written_stays(run, base, tmp_path):
    with pytest.raises(UserError, match="is there already"):
        export(str(run), base, [])
    (checkpoint.folder(run, 4) / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"no tokenizer\.json"):
        export(str(run), tmp_path / "out", [])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["base", "run"]
