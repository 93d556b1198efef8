"""Parameters of a policy by part, counted from the tensors that its checkpoint holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1rl.policy.layout import BUFFERS, ROUTED, layout, parameters

PARTS = ("embedding", "head", "attention", "MLP", "experts", "router", "norms")


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """How many parameters there are, by part, and how many one token meets.

    >>> Parameters(parts={"embedding": 8, "attention": 4, "experts": 16}, total=28, active=12, largest_layer=20).total
    28
    """

    parts: Mapping[str, int]  # by the names in PARTS; without buffers and layers of multi-token prediction
    total: int
    active: int  # what one token is multiplied with: the head, tied or not; of the experts those it visits
    largest_layer: int
    mtp: int = 0  # of the layers of multi-token prediction


def count(fields: Mapping[str, Any]) -> Parameters:
    """All parameters of a configuration, of a family that `architecture.read` takes."""
    counted, parts, layers = parameters(fields), Counter[str](), Counter[str]()
    for name, shape in layout(fields).items():
        _, is_layer, rest = name.partition("model.layers.")
        index = rest.partition(".")[0]
        if name.endswith(BUFFERS) or (is_layer and int(index) >= fields["num_hidden_layers"]):
            continue
        parts[_part(name)] += math.prod(shape)
        layers[index] += math.prod(shape) if is_layer else 0
    return Parameters(
        parts={part: parts[part] for part in PARTS if parts[part]},
        total=counted.total,
        active=counted.active,
        largest_layer=max(layers.values()),
        mtp=counted.mtp,
    )


def _part(name: str) -> str:
    if "embed_tokens" in name:
        return "embedding"
    if "lm_head" in name:
        return "head"
    if "norm" in name:
        return "norms"
    if "self_attn" in name:
        return "attention"
    if ROUTED.search(name):
        return "experts"
    return "router" if name.endswith("mlp.gate.weight") else "MLP"
