"""What tensors a checkpoint of a configuration holds, and how many parameters that is: from config.json, no torch.

Names and shapes are those of Hugging Face checkpoints, which vLLM reads: experts one by one, a layer of multi-token
prediction as one more layer after the last (DeepSeek-V3's README_WEIGHTS).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Shape = tuple[int, ...]
Named = Iterator[tuple[str, Shape]]
Config = Mapping[str, Any]

ROUTED = re.compile(r"\.experts\.\d+\.")
BUFFERS = ("e_score_correction_bias",)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How many parameters a policy has, and how many of them one token is multiplied with.

    >>> Parameters(total=671_026_404_352, active=36_625_000_000).total
    671026404352
    """

    total: int  # without buffers and without layers of multi-token prediction
    active: int  # without the embedding, of which a token reads one row, and the experts it does not visit
    mtp: int = 0  # of the layers of multi-token prediction, their copies of embedding and head left out


def families() -> list[str]:
    """The model_types whose layout is known."""
    return sorted(_LAYOUTS)


def layout(config: Config) -> dict[str, Shape]:
    """Shape of every tensor in a checkpoint with this config.json. Raises KeyError for a family that is not known."""
    return dict(_LAYOUTS[config["model_type"]](config))


def parameters(config: Config) -> Parameters:
    """Counts a configuration's parameters."""
    share = config.get("num_experts_per_tok", 1) / config.get("n_routed_experts", 1)
    total, active, mtp = 0, 0.0, 0
    for name, shape in layout(config).items():
        if name.endswith(BUFFERS):
            continue
        size = math.prod(shape)
        if layer_of(name) >= config["num_hidden_layers"]:
            mtp += 0 if "embed_tokens" in name or "shared_head.head" in name else size
            continue
        total += size
        if "embed_tokens" not in name:
            active += size * share if ROUTED.search(name) else size
        elif config.get("tie_word_embeddings"):
            active += size  # it is the head as well
    return Parameters(total=total, active=round(active), mtp=mtp)


def mtp_layers(config: Config) -> range:
    """Indices of the layers of multi-token prediction: after the last layer of the policy."""
    first = config["num_hidden_layers"]
    return range(first, first + (config.get("num_nextn_predict_layers") or 0))


def layer_of(name: str) -> int:
    """Index of the layer that a tensor belongs to; -1 for embedding, last norm and head."""
    found = re.match(r"model\.layers\.(\d+)\.", name)
    return int(found[1]) if found else -1


def is_mtp(config: Config, name: str) -> bool:
    """Whether a tensor belongs to a layer of multi-token prediction."""
    return config["model_type"] == "deepseek_v3" and layer_of(name) >= config["num_hidden_layers"]


def _ends(config: Config) -> Named:
    wide = (config["vocab_size"], config["hidden_size"])
    yield "model.embed_tokens.weight", wide
    yield "model.norm.weight", (config["hidden_size"],)
    if not config.get("tie_word_embeddings"):
        yield "lm_head.weight", wide


def _norms(prefix: str, width: int) -> Named:
    yield f"{prefix}.input_layernorm.weight", (width,)
    yield f"{prefix}.post_attention_layernorm.weight", (width,)


def _mlp(prefix: str, width: int, inner: int) -> Named:
    yield f"{prefix}.gate_proj.weight", (inner, width)
    yield f"{prefix}.up_proj.weight", (inner, width)
    yield f"{prefix}.down_proj.weight", (width, inner)


def _deepseek_v3(config: Config) -> Named:
    yield from _ends(config)
    for index in range(config["num_hidden_layers"]):
        yield from _v3_layer(config, f"model.layers.{index}", dense=index < config["first_k_dense_replace"])
    for index in mtp_layers(config):
        yield from _mtp_layer(config, f"model.layers.{index}")


def _v3_layer(config: Config, prefix: str, dense: bool) -> Named:
    width = config["hidden_size"]
    yield from _norms(prefix, width)
    yield from _latent_attention(config, f"{prefix}.self_attn")
    if dense:
        yield from _mlp(f"{prefix}.mlp", width, config["intermediate_size"])
    else:
        yield from _experts(config, f"{prefix}.mlp")


def _latent_attention(config: Config, prefix: str) -> Named:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    nope, rope, value = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
    latent, query = config["kv_lora_rank"], config.get("q_lora_rank")
    if query is None:
        yield f"{prefix}.q_proj.weight", (heads * (nope + rope), width)
    else:
        yield f"{prefix}.q_a_proj.weight", (query, width)
        yield f"{prefix}.q_a_layernorm.weight", (query,)
        yield f"{prefix}.q_b_proj.weight", (heads * (nope + rope), query)
    yield f"{prefix}.kv_a_proj_with_mqa.weight", (latent + rope, width)
    yield f"{prefix}.kv_a_layernorm.weight", (latent,)
    yield f"{prefix}.kv_b_proj.weight", (heads * (nope + value), latent)
    yield f"{prefix}.o_proj.weight", (width, heads * value)


def _experts(config: Config, prefix: str) -> Named:
    width, inner, experts = config["hidden_size"], config["moe_intermediate_size"], config["n_routed_experts"]
    yield f"{prefix}.gate.weight", (experts, width)
    yield f"{prefix}.gate.e_score_correction_bias", (experts,)
    yield from _mlp(f"{prefix}.shared_experts", width, inner * config["n_shared_experts"])
    for expert in range(experts):
        yield from _mlp(f"{prefix}.experts.{expert}", width, inner)


def _mtp_layer(config: Config, prefix: str) -> Named:
    width, wide = config["hidden_size"], (config["vocab_size"], config["hidden_size"])
    yield f"{prefix}.enorm.weight", (width,)
    yield f"{prefix}.hnorm.weight", (width,)
    yield f"{prefix}.eh_proj.weight", (width, 2 * width)
    yield from _v3_layer(config, prefix, dense=False)
    yield f"{prefix}.shared_head.norm.weight", (width,)
    yield f"{prefix}.shared_head.head.weight", wide  # the policy's own head and embedding once more
    yield f"{prefix}.embed_tokens.weight", wide


def _grouped(config: Config, *, bias: bool, head_norms: bool) -> Named:
    """Llama and what follows it: grouped-query attention and one MLP."""
    yield from _ends(config)
    width, heads = config["hidden_size"], config["num_attention_heads"]
    size = config.get("head_dim") or width // heads
    sizes = {"q": heads * size, "k": config["num_key_value_heads"] * size, "v": config["num_key_value_heads"] * size}
    for index in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{index}"
        yield from _norms(prefix, width)
        yield from _mlp(f"{prefix}.mlp", width, config["intermediate_size"])
        for letter, outer in sizes.items():
            yield f"{prefix}.self_attn.{letter}_proj.weight", (outer, width)
            if bias:
                yield f"{prefix}.self_attn.{letter}_proj.bias", (outer,)
        yield f"{prefix}.self_attn.o_proj.weight", (width, heads * size)
        if head_norms:
            yield f"{prefix}.self_attn.q_norm.weight", (size,)
            yield f"{prefix}.self_attn.k_norm.weight", (size,)


_LAYOUTS: dict[str, Callable[[Config], Named]] = {
    "deepseek_v3": _deepseek_v3,
    "llama": lambda config: _grouped(config, bias=False, head_norms=False),
    "qwen2": lambda config: _grouped(config, bias=True, head_norms=False),
    "qwen3": lambda config: _grouped(config, bias=False, head_norms=True),
}
