"""The shape of a policy, from config.json's fields: four families in one vocabulary. No torch, no transformers.

An attention layer is either plain (keys and values of every head are cached) or latent (MLA, arXiv 2412.19437 sec.
2.1.1: one compressed vector and one rotary key per token). An MLP is dense or a mixture of experts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r1rl.errors import UserError

Fields = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Sizes are numbers of values unless they say otherwise.

    >>> a = read({"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "num_attention_heads": 9,
    ...           "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152})
    >>> a.key_size, a.cached_values
    (64, 11520)
    """

    family: str  # config.json's model_type
    layers: int
    dense_layers: int  # the first ones; the others are mixtures of experts
    width: int
    vocab: int
    tied: bool  # the head is the embedding
    heads: int
    kv_heads: int
    key_size: int  # of one head, rotary part included
    value_size: int
    query_rank: int = 0  # MLA: queries pass through a vector of this size; 0: straight from the hidden state
    latent: int = 0  # MLA: keys and values are made of a vector of this size; 0: plain attention
    rope_size: int = 0  # MLA: the rotary key that all heads share
    query_norms: bool = False  # a norm over each head's query and key
    mlp: int = 0  # of a dense layer
    expert: int = 0  # of one expert
    experts: int = 0
    experts_per_token: int = 0
    shared_experts: int = 0

    @property
    def moe_layers(self) -> int:
        return self.layers - self.dense_layers

    @property
    def cached_values(self) -> int:
        """Values that a sampler keeps per token, all layers."""
        plain = self.kv_heads * (self.key_size + self.value_size)
        return self.layers * (self.latent + self.rope_size if self.latent else plain)


def read(fields: Fields) -> Architecture:
    """The shape that config.json's fields describe. Raises UserError for another family, or a field it must have."""
    family = fields.get("model_type")
    if not isinstance(family, str) or family not in FAMILIES:
        raise UserError(
            f"config.json says model_type {family!r}",
            "parameters and memory are counted from the shape, and that one is not known here",
            f"plan a policy of one of these: {', '.join(FAMILIES)}",
        )
    return FAMILIES[family](fields)


def _plain(fields: Fields, **own: Any) -> Architecture:
    heads = _count(fields, "num_attention_heads")
    head_size = _count(fields, "head_dim", _count(fields, "hidden_size") // heads)
    layers = _count(fields, "num_hidden_layers")
    return Architecture(
        **_common(fields),
        layers=layers,
        dense_layers=layers,
        heads=heads,
        kv_heads=_count(fields, "num_key_value_heads", heads),
        key_size=head_size,
        value_size=head_size,
        **own,
    )


def _qwen3(fields: Fields) -> Architecture:
    return _plain(fields, query_norms=True)


def _deepseek_v3(fields: Fields) -> Architecture:
    layers, heads = _count(fields, "num_hidden_layers"), _count(fields, "num_attention_heads")
    return Architecture(
        **_common(fields),
        layers=layers,
        dense_layers=min(_count(fields, "first_k_dense_replace", least=0), layers),
        heads=heads,
        kv_heads=heads,
        key_size=_count(fields, "qk_nope_head_dim") + _count(fields, "qk_rope_head_dim"),
        value_size=_count(fields, "v_head_dim"),
        query_rank=_count(fields, "q_lora_rank", 0, least=0),
        latent=_count(fields, "kv_lora_rank"),
        rope_size=_count(fields, "qk_rope_head_dim"),
        expert=_count(fields, "moe_intermediate_size"),
        experts=_count(fields, "n_routed_experts"),
        experts_per_token=_count(fields, "num_experts_per_tok"),
        shared_experts=_count(fields, "n_shared_experts", least=0),
    )


def _common(fields: Fields) -> dict[str, Any]:
    return {
        "family": fields["model_type"],
        "width": _count(fields, "hidden_size"),
        "vocab": _count(fields, "vocab_size"),
        "tied": bool(fields.get("tie_word_embeddings")),
        "mlp": _count(fields, "intermediate_size"),
    }


def _count(fields: Fields, name: str, otherwise: int | None = None, least: int = 1) -> int:
    """A field that counts something; null and absent mean `otherwise`. Raises UserError."""
    value = fields.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if isinstance(value, int) and not isinstance(value, bool) and value >= least:
        return value
    raise UserError(
        f"config.json has {name} = {value!r}" if name in fields else f"config.json has no {name}",
        f"a {fields['model_type']} cannot be counted without this number",
        f"give it as a whole number from {least} on",
    )


FAMILIES: Mapping[str, Callable[[Fields], Architecture]] = {
    "deepseek_v3": _deepseek_v3,
    "llama": _plain,
    "qwen2": _plain,
    "qwen3": _qwen3,
}
