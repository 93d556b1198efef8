"""Named sizes: what they hold, counted from the configuration and from the model itself."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import AutoModelForCausalLM

from r1rl import sizes
from r1rl.engine.spec import FLASH_MLA_HEADS
from r1rl.errors import UserError
from r1rl.policy import init, layout, mtp
from r1rl.policy import model as policy_model

MADE = [name for name in sizes.names() if sizes.get(name).with_weights]


def config_of(size: str, vocabulary: int | None = 1024) -> dict:
    return init.config(size, vocabulary, None, None).to_dict()


@pytest.mark.parametrize("size", MADE)
def test_the_layout_is_what_the_model_holds(size):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(init.config(size, 1024, None, None))
        mtp.attach(model)
    held = {name: tuple(tensor.shape) for name, tensor in policy_model.exported(model, torch.bfloat16)}
    assert layout.layout(config_of(size)) == held
    found = layout.parameters(config_of(size))
    assert found.total + found.mtp == sum(p.numel() for p in model.parameters())


def test_a_layout_knows_the_biases_of_qwen2_and_tied_heads():
    from transformers import AutoConfig

    fields = dict(sizes.get("llama-tiny").fields) | {"vocab_size": 300, "tie_word_embeddings": True}
    config = AutoConfig.for_model("qwen2", **fields)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    held = {name: tuple(tensor.shape) for name, tensor in policy_model.exported(model, torch.bfloat16)}
    assert layout.layout(config.to_dict()) == held
    assert "lm_head.weight" not in held


@pytest.mark.parametrize(
    ("size", "vocabulary", "total", "active"),
    [
        ("tiny", 1024, 1.67e6, 1.24e6),
        ("10M", 1024, 9.6e6, 5.8e6),
        ("100M", 1024, 100e6, 33e6),
        ("1B", 1024, 970e6, 220e6),
        ("16B", None, 16.0e9, 2.6e9),  # arXiv 2502.16982: 15.29B and 2.24B without the vocabulary
        ("671B", None, 671.0e9, 36.6e9),  # arXiv 2412.19437: 671B, of which 37B are activated
        ("llama-micro", 1024, 0.344e6, 0.279e6),
        ("llama-tiny", 1024, 1.0e6, 0.87e6),
        ("qwen3-10M", 1024, 10.8e6, 10.5e6),
    ],
)
def test_parameters(size, vocabulary, total, active):
    found = layout.parameters(config_of(size, vocabulary))
    assert found.total == pytest.approx(total, rel=0.02)
    assert found.active == pytest.approx(active, rel=0.02)


def test_active_is_what_one_token_meets():
    config = config_of("tiny")
    experts = 2 * 3 * 128 * 64  # 2 layers, 3 matrices: of one expert in each
    idle = (8 - 2) * experts
    assert layout.parameters(config).active == layout.parameters(config).total - idle - 1024 * 128


def test_v3s_layer_of_multi_token_prediction():
    found = layout.parameters(config_of("671B-mtp", None))
    assert found.mtp == pytest.approx(11.5e9, rel=0.02)  # DeepSeek-V3 README_WEIGHTS: 11.5B of its own
    assert found.total == layout.parameters(config_of("671B", None)).total


@pytest.mark.parametrize("size", ["10M", "100M", "1B"])
def test_gpu_kernels_take_these_sizes(size):
    config = config_of(size)
    assert (config["qk_nope_head_dim"], config["v_head_dim"]) in FLASH_MLA_HEADS
    assert (config["kv_lora_rank"], config["qk_rope_head_dim"]) == (512, 64)
    assert config["hidden_size"] % 128 == config["moe_intermediate_size"] % 128 == 0, "FP8's blocks"


def test_a_misspelt_size_gets_the_nearest_name():
    with pytest.raises(UserError, match="did you mean `100M`"):
        sizes.get("100m")


def test_large_sizes_are_configurations_only():
    with pytest.raises(UserError, match="configuration only"):
        init.make("671B", None, 64, 0)  # type: ignore[arg-type]


def slow_yarn(dim: int, rope: dict) -> torch.Tensor:
    """Frequencies as DeepSeek-V3's own inference code makes them (model.py, precompute_freqs_cis), one by one."""
    found = []

    def turning(turns: float) -> float:
        original = rope["original_max_position_embeddings"]
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(rope["rope_theta"]))

    low, high = max(math.floor(turning(rope["beta_fast"])), 0), min(math.ceil(turning(rope["beta_slow"])), dim - 1)
    for i in range(dim // 2):
        frequency = rope["rope_theta"] ** (-2 * i / dim)
        keep = 1 - min(max((i - low) / (high - low), 0), 1)
        found.append(frequency / rope["factor"] * (1 - keep) + frequency * keep)
    return torch.tensor(found)


def test_v3_stretches_positions_by_yarn():
    from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

    config = init.config("671B", None, None, None)
    rotary = v3.DeepseekV3RotaryEmbedding(config)
    torch.testing.assert_close(rotary.inv_freq, slow_yarn(64, config.rope_parameters))
    assert rotary.attention_scaling == 1.0  # mscale over mscale_all_dim
    with torch.device("meta"):
        attention = v3.DeepseekV3Attention(config, 0)
    assert attention.scaling == pytest.approx(192**-0.5 * (0.1 * math.log(40) + 1) ** 2)
