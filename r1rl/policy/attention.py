"""Attention over packed rows, registered with transformers under the name PACKED.

On CUDA in half precision: torch's variable-length flash attention. Elsewhere: scaled_dot_product_attention over blocks
of sequences of like lengths. transformers' own packed path builds a T x T mask, which every kernel pays for in full.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
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


Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, Packing, float], torch.Tensor]


def attend(
    query_THD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    """Causal attention within each sequence of a packed row: (T, heads, value's head size)."""
    flash = query_THD.is_cuda and query_THD.dtype != torch.float32 and query_THD.shape[-1] <= FLASH_HEAD
    return (_flash if flash else _blockwise)(query_THD, key_THD, value_THD, packing, scaling)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    packing: Packing | None = None,
    by: Attend = attend,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """`attend` as transformers calls it; without a packing every row is one sequence.

    Args:
        query, key, value: (rows, heads, T, head size); key and value may have fewer heads, value another head size.
        attention_mask: always None: transformers makes no mask for attention it does not know.
        by: what attends.

    Returns:
        (rows, T, heads, value's head size), and None for the attention weights.
    """
    if packing is None:
        return _causal(query, key, value, scaling).transpose(1, 2), None
    # Token by token here and not in `attend`: a compiler then lets the rotation write it that way.
    q, k, v = (x[0].transpose(0, 1).contiguous() for x in (query, key, value))
    return by(q, k, v, packing, scaling)[None], None


def _flash(
    query_THD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    head = value_THD.shape[-1]
    width = -(-max(query_THD.shape[-1], head) // 8) * 8  # the kernel wants one size for all three, a multiple of 8
    q, k, v = (_widened(x.to(query_THD.dtype), width) for x in (query_THD, key_THD, value_THD))
    ends, longest = packing.ends_S1, packing.longest
    out = varlen_attn(q, k, v, ends, ends, longest, longest, scale=scaling, window_size=(-1, 0), **GROUPED)
    assert isinstance(out, torch.Tensor)  # a pair only when asked for more
    return out[..., :head]


def _widened(x_THD: torch.Tensor, width: int) -> torch.Tensor:
    more = width - x_THD.shape[-1]
    return functional.pad(x_THD, (0, more)) if more else x_THD  # padding by nothing would copy


def _blockwise(
    query_THD: torch.Tensor, key_THD: torch.Tensor, value_THD: torch.Tensor, packing: Packing, scaling: float
) -> torch.Tensor:
    parts = []
    for block in packing.blocks:
        q, k, v = (x[block.places_BW].transpose(1, 2) for x in (query_THD, key_THD, value_THD))
        parts.append(_causal(q, k, v, scaling).transpose(1, 2)[block.keep_BW])
    return torch.cat(parts)[packing.back_T]


def _causal(query_BHWD: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    grouped = query_BHWD.shape[1] != key.shape[1]
    return functional.scaled_dot_product_attention(
        query_BHWD, key, value, is_causal=True, scale=scaling, enable_gqa=grouped
    )


AttentionInterface.register(PACKED, packed_attention)
