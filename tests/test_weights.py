"""Checkpoints: names both ways, layers of multi-token prediction, and the official FP8 format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from r1rl.errors import UserError
from r1rl.policy import model as policy_model
from r1rl.policy import names, weights
from tests.miniature import new_model

CPU = torch.device("cpu")
KEPT_WIDE = ("embed_tokens", "head", "norm", "gate.weight", "e_score_correction_bias", "eh_proj")  # as DeepSeek does


@pytest.mark.parametrize("size", ["tiny", "tiny-mtp", "llama-tiny", "qwen3-tiny"])
def test_names_come_back(size):
    model = new_model(size)
    state = model.state_dict()
    stored = dict(names.to_checkpoint(state.items(), model.config))
    again = names.from_checkpoint(reversed(stored.items()), model.config)
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], state[name]) for name in state)


def test_multi_token_prediction_lies_where_vllm_looks(tmp_path):
    model = new_model()
    policy_model.save(model, torch.float32, tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    layer = {n.removeprefix("model.layers.3."): t for n, t in stored.items() if n.startswith("model.layers.3.")}
    assert {"enorm.weight", "hnorm.weight", "eh_proj.weight", "shared_head.norm.weight"} < layer.keys()
    assert torch.equal(layer["shared_head.head.weight"], stored["lm_head.weight"])
    assert torch.equal(layer["embed_tokens.weight"], stored["model.embed_tokens.weight"])
    assert torch.equal(layer["mlp.experts.5.up_proj.weight"], model.mtp.block.mlp.experts.gate_up_proj[5].chunk(2)[1])
    assert json.loads((tmp_path / "config.json").read_text())["num_nextn_predict_layers"] == 1


def test_a_folder_with_multi_token_prediction_loads_to_what_was_saved(tmp_path):
    model = new_model()
    policy_model.save(model, torch.float32, tmp_path)
    again = policy_model.load(tmp_path, torch.float32, CPU).state_dict()
    assert again.keys() == model.state_dict().keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())


def test_a_declared_layer_without_weights_is_refused(tmp_path):
    policy_model.save(new_model("tiny"), torch.float32, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_nextn_predict_layers": 1}))
    with pytest.raises(UserError, match=r"lacks 20 of the weights that its config.json declares, mtp.block"):
        policy_model.load(tmp_path, torch.float32, CPU)


# --- FP8 -------------------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(1e-6, 1e4), st.integers(0, 99))
def test_what_fp8_loses(rows, columns, size, seed):
    """Half of E4M3's spacing: a 16th of the value, or 2^-10 of the block's factor below its normal numbers."""
    torch.manual_seed(seed)
    weight = size * torch.randn(rows, columns) * torch.randn(rows, columns).exp()
    stored, factors = weights.quantised(weight)
    assert factors.shape == (-(-rows // 128), -(-columns // 128))
    found = weights.dequantised(stored, factors)
    largest = weight.abs().max()
    allowed = weight.abs() / 16 + largest / 448 / 1024
    assert bool(((found - weight).abs() <= allowed * 1.001).all())


def test_one_block_at_a_time_slowly():
    weight = torch.randn(130, 260)
    stored, factors = weights.quantised(weight)
    found = weights.dequantised(stored, factors)
    for row, column in ((0, 0), (127, 127), (128, 127), (129, 256), (5, 259)):
        factor = factors[row // 128, column // 128]
        assert found[row, column] == stored[row, column].float() * factor
    assert factors[0, 0] == weight[:128, :128].abs().max() / 448


def in_fp8(folder: Path, model, block: int = 128) -> dict[str, torch.Tensor]:
    """Writes the official format in two files; returns what each tensor means."""
    policy_model.save(model, torch.bfloat16, folder)
    plain = load_file(folder / "model.safetensors")
    tensors, meant = {}, {}
    for name, tensor in plain.items():
        if tensor.ndim == 2 and not any(part in name for part in KEPT_WIDE):
            tensors[name], tensors[name + weights.SCALE] = weights.quantised(tensor, block)
            meant[name] = weights.dequantised(tensors[name], tensors[name + weights.SCALE], block)
        else:
            tensors[name], meant[name] = tensor, tensor.float()
    (folder / "model.safetensors").unlink()
    halves = sorted(tensors)[::2], sorted(tensors)[1::2]  # factors and weights in different files
    places = {}
    for index, half in enumerate(halves):
        save_file({name: tensors[name] for name in half}, folder / f"part-{index}.safetensors")
        places |= dict.fromkeys(half, f"part-{index}.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    quantization = {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [block, block]}
    config = json.loads((folder / "config.json").read_text()) | {"quantization_config": quantization}
    (folder / "config.json").write_text(json.dumps(config))
    return meant


@pytest.mark.parametrize("size", ["tiny", "tiny-mtp"])
def test_an_fp8_checkpoint_loads_dequantised_and_trains(tmp_path, size):
    from r1rl.policy.check import check

    meant = in_fp8(tmp_path, new_model(size))
    assert [f.what for f in check(tmp_path)] == ["there is no tokenizer.json"]
    model = policy_model.load(tmp_path, torch.float32, CPU)
    again = dict(names.to_checkpoint(model.state_dict().items(), model.config))
    assert again.keys() == meant.keys()
    for name, tensor in again.items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, meant[name]), name
    model(input_ids=torch.arange(8)[None]).logits.sum().backward()
    assert all(p.grad is not None for n, p in model.named_parameters() if "layers.2" in n)
    policy_model.save(model, torch.bfloat16, tmp_path / "again")
    assert "quantization_config" not in json.loads((tmp_path / "again" / "config.json").read_text())


def test_an_fp8_weight_without_factors_is_refused(tmp_path):
    in_fp8(tmp_path, new_model("tiny"))
    index = tmp_path / "model.safetensors.index.json"
    places = json.loads(index.read_text())["weight_map"]
    lost = "model.layers.1.mlp.experts.3.up_proj.weight_scale_inv"
    index.write_text(json.dumps({"weight_map": {n: f for n, f in places.items() if n != lost}}))
    with pytest.raises(UserError, match=f"is FP8 but there is no {lost}"):
        policy_model.load(tmp_path, torch.float32, CPU)


def test_a_lost_expert_of_an_fp8_checkpoint_is_refused(tmp_path):
    in_fp8(tmp_path, new_model("tiny"))
    index = tmp_path / "model.safetensors.index.json"
    places = json.loads(index.read_text())["weight_map"]
    index.write_text(json.dumps({"weight_map": {n: f for n, f in places.items() if "experts.3." not in n}}))
    with pytest.raises(UserError, match=r"lacks 3 matrices of experts, .*experts\.3\.gate_proj"):
        policy_model.load(tmp_path, torch.float32, CPU)


def test_a_folder_without_safetensors_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no model\.safetensors"):
        weights.files(tmp_path)


@pytest.mark.parametrize(("version", "dummy"), [(-1, True), (0, False)], ids=["training", "evaluation"])
def test_an_engine_that_is_sent_weights_expects_no_factors_of_fp8(tmp_path, version, dummy):
    from r1rl.engine import compat
    from r1rl.engine.spec import EngineSpec

    in_fp8(tmp_path, new_model("tiny"))
    spec = EngineSpec(
        worker=0,
        model=tmp_path,
        architecture="deepseek_v3",
        device="cuda",
        dtype="bfloat16",
        max_length=64,
        max_sequences=8,
        memory_gib=1.0,
        threads=1,
        log=tmp_path / "log",
        version=version,
    )
    arguments = compat.engine_arguments(spec)
    assert (arguments.get("load_format") == "dummy") == dummy
    assert ("quantization_config" in arguments["hf_overrides"]) == dummy
    assert arguments["hf_overrides"]["moe_router_dtype"] == "float32"
