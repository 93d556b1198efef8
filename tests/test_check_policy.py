"""r1rl init-policy and check-policy: what is made is sound, and each way to be unsound has one message."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from r1rl.cli import app
from r1rl.errors import UserError
from r1rl.policy import weights
from r1rl.policy.check import check
from r1rl.policy.headers import read_headers


def r1rl(*arguments: object):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("policies") / "tiny-mtp"
    result = r1rl("init-policy", "tiny-mtp", folder)
    assert result.exit_code == 0, result.output
    assert "million of multi-token prediction" in result.output
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "policy")


def test_a_made_policy_is_sound_and_not_made_twice(made):
    assert check(made) == []
    assert r1rl("check-policy", made).exit_code == 0
    again = r1rl("init-policy", "tiny", made)
    assert isinstance(again.exception, UserError)
    assert "exists" in str(again.exception)


@pytest.mark.parametrize("size", ["llama-tiny", "qwen3-tiny"])
def test_a_student_takes_its_teachers_tokenizer(made, tmp_path, size):
    assert r1rl("init-policy", size, tmp_path / "student", "--tokenizer", made, "--dtype", "bfloat16").exit_code == 0
    assert check(tmp_path / "student") == []
    assert (tmp_path / "student" / "tokenizer.json").read_text() == (made / "tokenizer.json").read_text()
    assert {s.dtype for s in read_headers(tmp_path / "student").values()} == {"BF16"}


def test_the_largest_are_configurations(tmp_path):
    result = r1rl("init-policy", "671B", tmp_path / "v3")
    assert "671,026.4 million parameters, 36,625.6 active" in result.output
    assert "no weights were made" in result.output
    config = json.loads((tmp_path / "v3" / "config.json").read_text())
    assert config["rope_parameters"]["rope_type"] == "yarn"
    assert config["scoring_func"] == "sigmoid"
    assert [p.name for p in (tmp_path / "v3").iterdir()] == ["config.json"]


def rewrite(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    config = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def resave(folder: Path, change) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


EXPERT = "model.layers.2.mlp.experts.3.down_proj.weight"
BIAS = "model.layers.1.mlp.gate.e_score_correction_bias"
HEAD = "model.layers.3.shared_head.head.weight"
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}


def without(name):
    return lambda folder: resave(folder, lambda tensors: tensors.pop(name))


def with_config(**changes):
    return lambda folder: rewrite(folder, **changes)


def fused(folder: Path) -> None:
    """As transformers holds experts, not as checkpoints name them."""

    def change(tensors):
        matrices = [tensors.pop(f"model.layers.2.mlp.experts.{i}.down_proj.weight") for i in range(8)]
        tensors["model.layers.2.mlp.experts.down_proj"] = torch.stack(matrices)

    resave(folder, change)


def one_fp8(folder: Path, scale: bool) -> None:
    def change(tensors):
        tensors[EXPERT], factors = weights.quantised(tensors[EXPERT])
        if scale:
            tensors[EXPERT + weights.SCALE] = factors

    resave(folder, change)


UNSOUND = {
    "no scoring_func": (with_config(scoring_func=None), "scoring_func = None"),
    "softmax": (with_config(scoring_func="softmax"), "scoring_func = 'softmax'"),
    "no topk_method": (with_config(topk_method=None), "topk_method = None"),
    "no class": (with_config(architectures=[]), "names no architectures"),
    "groups": (with_config(topk_group=1, num_experts_per_tok=4), "top-4 of 8 experts cannot be chosen from 1 of 4"),
    "a lost expert": (without(EXPERT), f"1 of .* weights are in no file: {EXPERT}"),
    "a lost bias": (without(BIAS), f"1 of .* weights are in no file: {BIAS}"),
    "more layers": (with_config(num_hidden_layers=2, num_nextn_predict_layers=2), "of multi-token prediction are"),
    "fewer experts": (with_config(n_routed_experts=4, n_group=2), "belong to nothing that config.json declares"),
    "fused experts": (fused, "are in no file.*belong to nothing"),
    "another width": (with_config(intermediate_size=400), r"another shape.*\(384, 128\) instead of \(400, 128\)"),
    "bias in bf16": (
        lambda f: resave(f, lambda t: t.update({BIAS: t[BIAS].bfloat16()})),
        f"1 correction biases are BF16, not float32: {BIAS}",
    ),
    "undeclared layer": (with_config(num_nextn_predict_layers=0), "declares num_nextn_predict_layers = 0, .* hold 1"),
    "no head there": (without(HEAD), f"1 weights of multi-token prediction are missing.*{HEAD}"),
    "FP8 undeclared": (lambda f: one_fp8(f, scale=True), "1 weights are FP8, and .* missing"),
    "FP8 declared": (
        with_config(quantization_config={"quant_method": "fp8"}),
        "0 weights are FP8, and config.json's quantization_config is {'quant_method': 'fp8'}",
    ),
    "FP8 without factors": (
        lambda f: (one_fp8(f, scale=False), rewrite(f, quantization_config={"quant_method": "fp8"})),
        "1 FP8 weights lack factors",
    ),
    "stretched": (with_config(rope_parameters={"rope_type": "linear", "factor": 2.0}), "stretches positions by"),
    "half a YaRN": (with_config(rope_parameters=YARN), "has no original_max_position_embeddings"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "there is no tokenizer.json"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_each_way_to_be_unsound_has_its_message(folder, case):
    hurt, expected = UNSOUND[case]
    hurt(folder)
    found = check(folder)
    import re

    assert re.search(expected, " ".join(f.what for f in found)), found
    assert len(found) <= 3
    result = r1rl("check-policy", folder)
    assert result.exit_code == 1
    assert "why:" in result.output


def cut_off(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


UNREADABLE = {
    "cut off": (cut_off, "is cut off: 100 bytes are missing"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "no readable safetensors file"),
    "nonsense": (lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 40), "no readable safetensors file"),
    "no config": (lambda f: (f / "config.json").unlink(), "no readable config.json"),
    "a list": (lambda f: (f / "config.json").write_text("[1]"), "no readable config.json"),
    "a stranger": (with_config(model_type="bert"), "model_type 'bert'"),
    "a lost key": (with_config(kv_lora_rank=None), "has no kv_lora_rank"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_is_one_error(folder, case):
    hurt, expected = UNREADABLE[case]
    hurt(folder)
    with pytest.raises(UserError, match=expected):
        check(folder)


def test_the_tokenizer_must_fit(folder):
    rewrite(folder, vocab_size=50)
    assert any("the tokenizer has token" in f.what for f in check(folder))


def test_checks_need_no_torch():
    import subprocess
    import sys

    code = "import sys, r1rl.policy.check, r1rl.policy_commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
