"""Parameters of a policy by part, total and active per token."""

from __future__ import annotations

from dataclasses import dataclass

from r1rl.planning.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Numbers of parameters, all layers. The correction bias of a router is a buffer and not among them.

    >>> Parameters(embedding=8, head=0, attention=4, norms=2, mlp=6, router=1, experts=16, active_experts=4).active
    25
    """

    embedding: int
    head: int  # 0: the embedding again
    attention: int
    norms: int
    mlp: int  # of dense layers, and shared experts
    router: int
    experts: int
    active_experts: int  # of `experts`, what one token passes through

    @property
    def total(self) -> int:
        return self.embedding + self.head + self._body + self.experts

    @property
    def active(self) -> int:
        """What one token uses, its row of the embedding counted as the whole embedding (as DeepSeek-V3 counts)."""
        return self.embedding + self.head + self._body + self.active_experts

    @property
    def multiplied(self) -> int:
        """What one token is multiplied with: the head, tied or not, and no embedding (that is a look-up)."""
        return (self.head or self.embedding) + self._body + self.active_experts

    @property
    def _body(self) -> int:
        return self.attention + self.norms + self.mlp + self.router


def count(a: Architecture) -> Parameters:
    """All parameters of an architecture."""
    expert = 3 * a.width * a.expert
    shared = a.moe_layers * expert * a.shared_experts
    dense = a.dense_layers * (3 * a.width * a.mlp + a.bias_mlp * (2 * a.mlp + a.width))
    return Parameters(
        embedding=a.vocab * a.width,
        head=0 if a.tied else a.vocab * a.width,
        attention=a.layers * (_mla(a) if a.latent else _plain(a)),
        norms=a.width * (2 * a.layers + 1) + a.layers * (a.query_rank + a.latent + 2 * a.key_size * a.query_norms),
        mlp=dense + shared,
        router=a.moe_layers * a.experts * a.width,
        experts=a.moe_layers * a.experts * expert,
        active_experts=a.moe_layers * a.experts_per_token * expert,
    )


def _plain(a: Architecture) -> int:
    queries, cached = a.heads * a.key_size, a.kv_heads * (a.key_size + a.value_size)
    into = a.width * (queries + cached) + a.bias_in * (queries + cached)
    return into + a.heads * a.value_size * a.width + a.bias_out * a.width


def _mla(a: Architecture) -> int:
    compressed = a.latent + a.rope_size
    queries = a.heads * a.key_size
    query = a.width * a.query_rank + a.bias_in * a.query_rank + a.query_rank * queries
    query = query if a.query_rank else a.width * queries
    keys = a.width * compressed + a.bias_in * compressed
    expand = a.latent * a.heads * (a.key_size - a.rope_size + a.value_size)
    return query + keys + expand + a.heads * a.value_size * a.width + a.bias_out * a.width
