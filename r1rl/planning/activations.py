"""Bytes that a training forward pass keeps for the backward one, per token: what autograd saves, one by one.

Counted from the modules of transformers and `r1rl.policy.scorer` as they are, without fused kernels: a norm keeps its
input in fp32, its normalised value and its output; an MLP keeps gate, activated gate, up and their product; attention
keeps queries, keys, values and output, and the output projection its input. tests/test_plan_activations.py holds this
against autograd's own list.
"""

from __future__ import annotations

from dataclasses import dataclass

from r1rl.planning.architecture import Architecture

FLOAT = 4  # bytes of fp32
INDEX = 8  # bytes of int64


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """What decides how much one operation keeps.

    >>> Kernels(compute_bytes=2, flash=True, longest=4096).compute_bytes
    2
    """

    compute_bytes: int  # of weights and hidden states: 2 or 4
    flash: bool  # the variable-length kernel of a GPU in half precision; else torch's attention over blocks
    longest: int  # tokens of a sequence; the plain kernel keeps a square of it


def layers(a: Architecture, k: Kernels) -> float:
    """Per token, all layers; nothing is recomputed."""
    dense = attention(a, k) + _mlp(k, a.mlp)
    mixed = attention(a, k) + _experts(a, k) if a.moe_layers else 0.0
    return a.dense_layers * dense + a.moe_layers * mixed


def largest_layer(a: Architecture, k: Kernels) -> float:
    """Per token, the one layer that keeps most."""
    return attention(a, k) + max(_mlp(k, a.mlp) if a.dense_layers else 0, _experts(a, k) if a.moe_layers else 0)


def recomputed(a: Architecture, k: Kernels) -> float:
    """Per token, with activation checkpointing: the input of each layer, and one layer in full."""
    return a.layers * a.width * k.compute_bytes + largest_layer(a, k)


def passing(a: Architecture, k: Kernels) -> float:
    """Per token: gradients that exist at once where the backward pass goes through one layer, kept by nobody."""
    inner = max(a.mlp, a.experts_per_token * a.expert)
    pairs = 0.0 if k.flash or a.key_size == a.value_size else FLOAT * 2 * a.heads * (k.longest + a.key_size)
    return max(pairs, k.compute_bytes * (3 * inner + 2 * a.width))


def ends(a: Architecture, k: Kernels) -> float:
    """Per token: the last norm, the hidden state before the head, and columns of one number each."""
    rotary = 2 * k.compute_bytes * (a.rope_size or a.key_size)
    return _norm(a.width, k) + rotary + 2 * INDEX + 4 * INDEX


def attention(a: Architecture, k: Kernels) -> float:
    """Per token of one layer, with both norms of the layer."""
    projected = a.heads * a.value_size * k.compute_bytes  # the input of the output projection
    into = 2 * _norm(a.width, k) + (_latents(a, k) if a.latent else _query_norms(a, k))
    return into + _scores(a, k) + projected + INDEX + 1


def _scores(a: Architecture, k: Kernels) -> float:
    queries, values = a.heads * a.key_size, a.heads * a.value_size
    cached = a.kv_heads * (a.key_size + a.value_size)
    if k.flash:
        width = -(-max(a.key_size, a.value_size) // 8) * 8
        padded = (2 * a.heads + 2 * a.kv_heads) * width if a.key_size != a.value_size else queries + values + cached
        return k.compute_bytes * padded + FLOAT * a.heads
    if a.key_size != a.value_size:  # no fused kernel takes these: fp32, with the weights of every pair of tokens
        return FLOAT * (queries + cached + a.heads * k.longest)
    return k.compute_bytes * (queries + values + cached) + FLOAT * a.heads


def _latents(a: Architecture, k: Kernels) -> float:
    joint = FLOAT * a.rope_size if k.compute_bytes == FLOAT else 0  # the latent is a view of both
    return (_norm(a.query_rank, k) if a.query_rank else 0) + _norm(a.latent, k) + joint


def _query_norms(a: Architecture, k: Kernels) -> float:
    if not a.query_norms:
        return 0
    values = (a.heads + a.kv_heads) * a.key_size
    return (FLOAT + k.compute_bytes) * values + FLOAT * (a.heads + a.kv_heads)


def _norm(width: int, k: Kernels) -> float:
    return (FLOAT + 2 * k.compute_bytes) * width + FLOAT


def _mlp(k: Kernels, inner: int) -> float:
    return 4 * inner * k.compute_bytes


def _experts(a: Architecture, k: Kernels) -> float:
    copy = FLOAT * a.width if k.compute_bytes != FLOAT else 0  # the router reads in fp32
    router = copy + (FLOAT + 1) * a.experts + a.experts_per_token * (6 * INDEX + 2 * FLOAT)
    chosen = a.experts_per_token * k.compute_bytes * (2 * a.width + 4 * a.expert)
    return router + chosen + _mlp(k, a.shared_experts * a.expert)
