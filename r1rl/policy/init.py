"""Makes a new DeepSeek-V3 policy from a named size.

Architecture: DeepSeek-V3 report (arXiv 2412.19437) sec. 2.1: MLA, one dense layer, then shared + routed experts with
sigmoid scores, grouped top-k and a correction bias. Left out: multi-token prediction (no weights, so its layer count
is 0) and YaRN (contexts here are short).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SIZES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "q_lora_rank": 96,
        "qk_nope_head_dim": 32,
        "v_head_dim": 32,
        "intermediate_size": 384,
        "moe_intermediate_size": 64,
        "n_routed_experts": 8,
        "num_experts_per_tok": 2,
        "n_shared_experts": 1,
        "n_group": 4,
        "topk_group": 2,
        "initializer_range": 0.05,  # 0.02 is for widths of thousands: at 128 it wastes the first hundred updates
    },
}

# vLLM's CPU kernels for MLA accept one cache row only: 512 latent + 64 rope values, which is also V3's own.
LATENT: dict[str, Any] = {"kv_lora_rank": 512, "qk_rope_head_dim": 64}

# Fields that vLLM reads and DeepseekV3Config does not write by itself. Without scoring_func vLLM routes by softmax,
# silently; without topk_method it does not find the correction bias.
VLLM_FIELDS: dict[str, Any] = {
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "moe_router_dtype": "float32",
    "num_nextn_predict_layers": 0,
}


def config(size: str, vocab_size: int, max_length: int, eos_id: int) -> DeepseekV3Config:
    """The configuration of a named size, complete for transformers and vLLM."""
    return DeepseekV3Config(
        **SIZES[size],
        **LATENT,
        **VLLM_FIELDS,
        vocab_size=vocab_size,
        max_position_embeddings=max_length,
        first_k_dense_replace=1,
        routed_scaling_factor=2.5,
        norm_topk_prob=True,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=eos_id,
        pad_token_id=eos_id,
        use_cache=False,
    )


def make(size: str, tokenizer: PreTrainedTokenizerFast, max_length: int, seed: int) -> DeepseekV3ForCausalLM:
    """A new policy with random weights; the same seed gives the same weights."""
    torch.manual_seed(seed)
    model = DeepseekV3ForCausalLM(config(size, len(tokenizer), max_length, tokenizer.eos_token_id))
    _init_routers(model)
    return model


def _init_routers(model: DeepseekV3ForCausalLM) -> None:
    # transformers creates router weights as zeros for loading; all-equal scores would tie every top-k.
    for name, weight in model.named_parameters():
        if name.endswith("mlp.gate.weight"):
            torch.nn.init.normal_(weight, std=model.config.initializer_range)
