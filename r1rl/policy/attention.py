"""Attention over packed rows, registered with transformers under the name PACKED.

On CUDA in half precision: torch's variable-length flash attention. Elsewhere: scaled_dot_product_attention over blocks
of sequences of like lengths. transformers' own packed path builds a T x T mask, which every kernel pays for in full.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn
from transformers import AttentionInterface

from r1rl.packing import Packing

PACKED = "r1rl_packed"
FLASH_HEAD = 256  # largest head size of the flash kernel
# torch 2.13 wants to be told about grouped queries, 2.11 takes them as they are.
GROUPED: dict[str, Any] = {"enable_gqa": True} if "enable_gqa" in inspect.signature(varlen_attn).parameters else {}


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    packing: Packing | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within each sequence of a packed row; without a packing every row is one sequence.

    Args:
        query, key, value: (rows, heads, T, head size); key and value may have fewer heads, value another head size.
        attention_mask: always None: transformers makes no mask for attention it does not know.

    Returns:
        (rows, T, heads, value's head size), and None for the attention weights.
    """
    if packing is None:
        return _causal(query, key, value, scaling).transpose(1, 2), None
    flash = query.is_cuda and query.dtype != torch.float32 and query.shape[-1] <= FLASH_HEAD
    attend = _flash if flash else _blockwise
    return attend(query[0], key[0], value[0], packing, scaling)[None], None


def _flash(
    query_HTD: torch.Tensor, key_HTD: torch.Tensor, value_HTD: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    head = value_HTD.shape[-1]
    width = -(-max(query_HTD.shape[-1], head) // 8) * 8  # the kernel wants one size for all three, a multiple of 8
    q, k, v = (
        functional.pad(x.to(query_HTD.dtype), (0, width - x.shape[-1])).transpose(0, 1).contiguous()
        for x in (query_HTD, key_HTD, value_HTD)
    )
    ends, longest = packing.ends_S1, packing.longest
    out = varlen_attn(q, k, v, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), **GROUPED)
    assert isinstance(out, torch.Tensor)  # a pair only when asked for more
    return out[..., :head]


def _blockwise(
    query_HTD: torch.Tensor, key_HTD: torch.Tensor, value_HTD: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    parts = []
    for block in packing.blocks:
        q, k, v = (x[:, block.places_BW].transpose(0, 1) for x in (query_HTD, key_HTD, value_HTD))
        parts.append(_causal(q, k, v, scaling).transpose(1, 2)[block.keep_BW])
    return torch.cat(parts)[packing.back_T]


def _causal(query_BHWD: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    grouped = query_BHWD.shape[1] != key.shape[1]
    return functional.scaled_dot_product_attention(
        query_BHWD, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
    )


AttentionInterface.register(PACKED, packed_attention)
