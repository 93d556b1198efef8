"""Named sizes of policies that can be made from nothing: the shape of each, no torch.

Sources: 671B is DeepSeek-V3 (arXiv 2412.19437 sec. 4.2), 16B is Moonlight-16B-A3B (arXiv 2502.16982), the same
architecture in small. The others keep V3's proportions where they can and what kernels accept where they cannot:
the latent is 512 + 64 everywhere (vLLM's MLA kernels take nothing else), and from 10M on the head sizes are among those
that vLLM's FlashAttention prefill takes and every matrix of an expert divides into FP8's blocks of 128 x 128.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from r1rl.errors import UserError
from r1rl.nearest import did_you_mean

MTP = "-mtp"


@dataclass(frozen=True, kw_only=True)
class Size:
    """The shape of a policy, without what its tokenizer decides.

    >>> get("tiny").fields["n_routed_experts"], get("671B").with_weights
    (8, False)
    """

    family: str  # config.json's model_type
    fields: Mapping[str, Any]  # of the configuration
    with_weights: bool = True  # False: too large to make here, a configuration only


# One latent of 512 values and a rotary key of 64 per token: V3's own, and all that vLLM's kernels take.
LATENT = {"kv_lora_rank": 512, "qk_rope_head_dim": 64}


def _v3(**fields: Any) -> Size:
    common = {
        **LATENT,
        "n_shared_experts": 1,
        "first_k_dense_replace": 1,
        "routed_scaling_factor": 2.5,
        "norm_topk_prob": True,
        "num_nextn_predict_layers": 0,
    }
    heads = fields["num_attention_heads"]
    return Size(family="deepseek_v3", fields=MappingProxyType(common | {"num_key_value_heads": heads} | fields))


def _dense(family: str, **fields: Any) -> Size:
    return Size(family=family, fields=MappingProxyType(fields))


_MICRO_DENSE = {  # under a quarter of the tiny V3's parameters at work: a student of it
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "intermediate_size": 192,
    "initializer_range": 0.07,
}
_TINY_DENSE = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "intermediate_size": 512,
    "initializer_range": 0.05,
}
_10M_DENSE = {
    "hidden_size": 320,
    "num_hidden_layers": 8,
    "num_attention_heads": 5,
    "num_key_value_heads": 5,
    "head_dim": 64,
    "intermediate_size": 896,
}

V3_TINY = _v3(
    hidden_size=128,
    num_hidden_layers=3,
    num_attention_heads=4,
    q_lora_rank=96,
    qk_nope_head_dim=32,
    v_head_dim=32,
    intermediate_size=384,
    moe_intermediate_size=64,
    n_routed_experts=8,
    num_experts_per_tok=2,
    n_group=4,
    topk_group=2,
    initializer_range=0.05,  # 0.02 is for widths of thousands: at 128 it wastes the first hundred updates
)
V3_10M = _v3(
    hidden_size=256,
    num_hidden_layers=4,
    num_attention_heads=4,
    q_lora_rank=192,
    qk_nope_head_dim=64,
    v_head_dim=128,
    intermediate_size=1024,
    moe_intermediate_size=128,
    n_routed_experts=16,
    num_experts_per_tok=4,
    n_group=4,
    topk_group=2,
    initializer_range=0.04,
)
V3_100M = _v3(
    hidden_size=512,
    num_hidden_layers=7,
    num_attention_heads=8,
    q_lora_rank=384,
    qk_nope_head_dim=128,
    v_head_dim=128,
    intermediate_size=1536,
    moe_intermediate_size=256,
    n_routed_experts=32,
    num_experts_per_tok=4,
    n_group=4,
    topk_group=2,
    initializer_range=0.03,
)
V3_1B = _v3(
    hidden_size=1024,
    num_hidden_layers=18,
    num_attention_heads=8,
    q_lora_rank=512,
    qk_nope_head_dim=128,
    v_head_dim=128,
    intermediate_size=4096,
    moe_intermediate_size=512,
    n_routed_experts=32,
    num_experts_per_tok=4,
    n_group=4,
    topk_group=2,
    initializer_range=0.02,
)
V3_16B = replace(
    _v3(
        hidden_size=2048,
        num_hidden_layers=27,
        num_attention_heads=16,
        q_lora_rank=None,
        qk_nope_head_dim=128,
        v_head_dim=128,
        intermediate_size=11264,
        moe_intermediate_size=1408,
        n_routed_experts=64,
        n_shared_experts=2,
        num_experts_per_tok=6,
        n_group=1,
        topk_group=1,
        routed_scaling_factor=2.446,
        initializer_range=0.02,
        max_position_embeddings=8192,
        vocab_size=163840,
        rope_parameters={"rope_type": "default", "rope_theta": 50000.0},
    ),
    with_weights=False,
)
V3_671B = replace(
    _v3(
        hidden_size=7168,
        num_hidden_layers=61,
        num_attention_heads=128,
        q_lora_rank=1536,
        qk_nope_head_dim=128,
        v_head_dim=128,
        intermediate_size=18432,
        moe_intermediate_size=2048,
        n_routed_experts=256,
        num_experts_per_tok=8,
        n_group=8,
        topk_group=4,
        first_k_dense_replace=3,
        initializer_range=0.006,
        max_position_embeddings=163840,
        vocab_size=129280,
        rope_parameters={
            "rope_type": "yarn",
            "rope_theta": 10000.0,
            "factor": 40.0,
            "original_max_position_embeddings": 4096,
            "beta_fast": 32,
            "beta_slow": 1,
            "mscale": 1.0,
            "mscale_all_dim": 1.0,
        },
    ),
    with_weights=False,
)

SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "tiny": V3_TINY,
        "10M": V3_10M,
        "100M": V3_100M,
        "1B": V3_1B,
        "16B": V3_16B,
        "671B": V3_671B,
        "llama-micro": _dense("llama", **_MICRO_DENSE),
        "llama-tiny": _dense("llama", **_TINY_DENSE),
        "llama-10M": _dense("llama", **_10M_DENSE),
        "qwen3-micro": _dense("qwen3", **_MICRO_DENSE),
        "qwen3-tiny": _dense("qwen3", **_TINY_DENSE),
        "qwen3-10M": _dense("qwen3", **_10M_DENSE),
    }
)


def names() -> list[str]:
    """All that `get` knows: each DeepSeek-V3 size also with one layer of multi-token prediction, as NAME-mtp."""
    return [*SIZES, *(name + MTP for name, size in SIZES.items() if size.family == "deepseek_v3")]


def get(name: str) -> Size:
    """The named size. Raises UserError with the nearest name."""
    if name not in names():
        raise UserError(
            f"there is no size `{name}`",
            "a policy is made from a named size",
            did_you_mean(name, names()),
        )
    size = SIZES[name.removesuffix(MTP)]
    if not name.endswith(MTP):
        return size
    return replace(size, fields=MappingProxyType({**size.fields, "num_nextn_predict_layers": 1}))
