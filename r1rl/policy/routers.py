"""The routers of a mixture-of-experts policy, and how a router weighs given experts.

DeepSeek-V3 report (arXiv 2412.19437) sec. 2.1.2, eq. 12 to 15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def of(model: torch.nn.Module) -> dict[str, Any]:
    """Name of the layer ("3", or "mtp") -> its router, in the order in which a forward pass meets them."""
    found = [(name, m) for name, m in model.named_modules() if isinstance(m, v3.DeepseekV3TopkRouter)]
    return {_layer(name): router for name, router in found}


def replayed(model: PreTrainedModel) -> list[Any]:
    """The routers that answers went through: all but that of multi-token prediction."""
    return list(of(model.base_model).values())


def gates(router: Any, logits: torch.Tensor, experts: torch.Tensor) -> torch.Tensor:
    """Weight of each chosen expert: the sigmoid scores of those chosen, normalised and scaled; the bias has no part.

    Args:
        logits: [tokens, experts], fp32; the gradient flows through them.
        experts: [tokens, top_k].
    """
    weights = logits.sigmoid().gather(1, experts)
    if router.norm_topk_prob:
        weights = weights / (weights.sum(dim=-1, keepdim=True) + 1e-20)
    return weights * router.routed_scaling_factor


def _layer(name: str) -> str:
    parts = name.split(".")
    return parts[parts.index("layers") + 1] if "layers" in parts else "mtp"
