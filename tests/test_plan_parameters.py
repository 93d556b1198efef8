"""Shapes and parameter counts against transformers' own modules (on the meta device) and published totals."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoConfig, AutoModelForCausalLM

from r1rl import sizes
from r1rl.errors import UserError
from r1rl.planning.architecture import read
from r1rl.planning.parameters import count

PLAIN = {
    "hidden_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 160,
    "vocab_size": 305,
}
V3 = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "q_lora_rank": 24,
    "kv_lora_rank": 32,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "v_head_dim": 12,
    "intermediate_size": 160,
    "moe_intermediate_size": 40,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "n_shared_experts": 2,
    "n_group": 2,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "vocab_size": 305,
}


def counted(fields: dict[str, object]) -> int:
    """The total, which is also the sum of the parts."""
    found = count(fields)
    assert sum(found.parts.values()) == found.total
    return found.total


def held_by_transformers(family: str, fields: dict[str, object]) -> tuple[int, dict[str, object]]:
    config = AutoConfig.for_model(family, **fields)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(p.numel() for p in model.parameters()), config.to_dict()


@pytest.mark.parametrize(
    ("family", "own"),
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True}),
        ("llama", {"head_dim": 24}),
        ("qwen2", {}),
        ("qwen2", {"tie_word_embeddings": True}),
        ("qwen3", {"head_dim": 32}),
    ],
)
def test_plain_families_are_counted_exactly(family: str, own: dict[str, object]) -> None:
    held, config = held_by_transformers(family, PLAIN | own)
    assert counted(config) == held


@pytest.mark.parametrize("own", [{}, {"q_lora_rank": None}, {"first_k_dense_replace": 0}, {"n_shared_experts": 1}])
def test_deepseek_v3_is_counted_exactly(own: dict[str, object]) -> None:
    held, config = held_by_transformers("deepseek_v3", V3 | own)
    assert counted(config) == held


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 64), st.booleans())
def test_any_shape_is_counted_exactly(layers: int, kv: int, per_kv: int, mlp: int, tied: bool) -> None:
    fields = PLAIN | {
        "num_hidden_layers": layers,
        "num_attention_heads": kv * per_kv,
        "num_key_value_heads": kv,
        "head_dim": 16,
        "intermediate_size": mlp,
        "tie_word_embeddings": tied,
    }
    held, config = held_by_transformers("qwen3", fields)
    assert counted(config) == held


def test_deepseek_v3_has_the_published_parameters_and_cache() -> None:
    # arXiv 2412.19437: 671B, 37B of them active. DeepSeek-V3's README_WEIGHTS: 0.9B embedding, 0.9B head.
    fields = {"model_type": "deepseek_v3", **sizes.get("671B").fields}
    found = count(fields)
    assert round(found.total / 1e9) == 671
    assert round(found.active / 1e9) == 37
    assert round(found.parts["embedding"] / 1e9, 1) == round(found.parts["head"] / 1e9, 1) == 0.9
    assert found.parts["router"] == 58 * 256 * 7168
    assert 2 * read(fields).cached_values == 70_272  # (512 + 64) values in bf16, 61 layers


def test_shared_config_of_another_family_is_refused() -> None:
    with pytest.raises(UserError, match="gpt2") as error:
        read({"model_type": "gpt2"})
    assert "deepseek_v3, llama, qwen2, qwen3" in error.value.instead


@pytest.mark.parametrize("value", [None, 0, -3, True, "576", 1.5, [1]])
def test_a_field_that_counts_nothing_is_refused(value: object) -> None:
    with pytest.raises(UserError, match="hidden_size"):
        read({"model_type": "llama", **PLAIN, "hidden_size": value})
