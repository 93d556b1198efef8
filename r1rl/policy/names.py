"""Names of tensors: in a model that trains, and in a checkpoint.

transformers holds a layer's experts as one 3-D tensor; checkpoints and vLLM name each expert's matrices. The layer of
multi-token prediction is `mtp` in a model and layer number num_hidden_layers in a checkpoint, with copies of embedding
and head (DeepSeek-V3's README_WEIGHTS): vLLM's draft model looks for them there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from r1rl.errors import UserError

Named = Iterator[tuple[str, torch.Tensor]]

OWN_PARTS = ("enorm.", "hnorm.", "eh_proj.")  # of the layer of multi-token prediction; the rest is a usual layer
PARTS = ("gate", "up", "down")
EXPERT = re.compile(r"(.*\.experts)\.(\d+)\.(gate|up|down)_proj\.weight$")


def to_checkpoint(state: Iterable[tuple[str, torch.Tensor]], config: Any) -> Named:
    """(name in a checkpoint, tensor) for each of a model's (name, tensor): experts one by one."""
    last, tied = config.num_hidden_layers, bool(config.tie_word_embeddings)
    shared: dict[str, torch.Tensor] = {}
    predicts = False
    for name, tensor in state:
        if tied and name == "lm_head.weight":
            continue  # the embedding under another name
        if name in {"model.embed_tokens.weight", "lm_head.weight"}:
            shared[name] = tensor
        predicts = predicts or name.startswith("mtp.")
        yield from _per_expert(_mtp_name(name, last), tensor)
    if predicts:
        embedding = shared["model.embed_tokens.weight"]
        yield f"model.layers.{last}.embed_tokens.weight", embedding
        yield f"model.layers.{last}.shared_head.head.weight", shared.get("lm_head.weight", embedding)


def from_checkpoint(tensors: Iterable[tuple[str, torch.Tensor]], config: Any) -> dict[str, torch.Tensor]:
    """A model's state from a checkpoint's tensors, in any order: the inverse of `to_checkpoint`.

    Raises UserError when one of a layer's experts is missing.
    """
    last = config.num_hidden_layers
    state: dict[str, torch.Tensor] = {}
    experts: dict[str, dict[tuple[int, str], torch.Tensor]] = {}
    for name, tensor in tensors:
        own = _own_name(name, last)
        found = EXPERT.match(own)
        if found:
            experts.setdefault(found[1], {})[int(found[2]), found[3]] = tensor
        elif not own.endswith(("shared_head.head.weight", "mtp.embed_tokens.weight")):
            state[own] = tensor
    for prefix in list(experts):
        state |= _fused(prefix, experts.pop(prefix), config.n_routed_experts)
    return state


def _fused(prefix: str, matrices: dict[tuple[int, str], torch.Tensor], count: int) -> dict[str, torch.Tensor]:
    lost = [f"{prefix}.{i}.{part}_proj.weight" for i in range(count) for part in PARTS if (i, part) not in matrices]
    if lost:
        raise UserError(
            f"the checkpoint lacks {len(lost)} matrices of experts, {lost[0]} among them",
            "a policy with random parts is not the policy",
            "fetch the missing files",
        )
    both = [torch.cat([matrices[i, "gate"], matrices[i, "up"]]) for i in range(count)]
    return {
        f"{prefix}.gate_up_proj": torch.stack(both),
        f"{prefix}.down_proj": torch.stack([matrices[i, "down"] for i in range(count)]),
    }


def _per_expert(name: str, tensor: torch.Tensor) -> Named:
    if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
        yield name, tensor
        return
    prefix = name.rsplit(".", 1)[0]
    for index, matrix in enumerate(tensor):
        if name.endswith("gate_up_proj"):
            gate, up = matrix.chunk(2, dim=0)
            yield f"{prefix}.{index}.gate_proj.weight", gate
            yield f"{prefix}.{index}.up_proj.weight", up
        else:
            yield f"{prefix}.{index}.down_proj.weight", matrix


def _mtp_name(name: str, last: int) -> str:
    if not name.startswith("mtp."):
        return name
    part = name.removeprefix("mtp.")
    if part.startswith("norm."):
        part = f"shared_head.{part}"
    return f"model.layers.{last}.{part.removeprefix('block.')}"


def _own_name(name: str, last: int) -> str:
    prefix = f"model.layers.{last}."
    if not name.startswith(prefix):
        return name
    part = name.removeprefix(prefix)
    if part.startswith("shared_head.norm."):
        return f"mtp.{part.removeprefix('shared_head.')}"
    if part.startswith((*OWN_PARTS, "shared_head.", "embed_tokens.")):
        return f"mtp.{part}"
    return f"mtp.block.{part}"
