"""Loads a policy for training and says what of it travels to the sampler.

Masters are fp32. With bf16 compute the forward pass runs under autocast, except the router: V3 scores experts in fp32
(arXiv 2412.19437 sec. 2.1.2), from weights rounded exactly as the sampler gets them, so that both sides route alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import save_torch_state_dict
from transformers import AutoModelForCausalLM
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FP32_ALWAYS = ("e_score_correction_bias",)  # steps of 0.001 vanish in bf16


def load(folder: Path, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The policy with fp32 masters, ready to train with `dtype` compute."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    for module in model.modules():
        if isinstance(module, v3.DeepseekV3TopkRouter):
            _route_in_fp32(module, dtype)
    return model.to(device).train()


def _route_in_fp32(router: Any, dtype: torch.dtype) -> None:
    plain_forward = router.forward

    def forward(hidden_states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with torch.autocast(hidden_states.device.type, enabled=False):
            master = router.weight
            router._parameters["weight"] = master.to(dtype).float()
            try:
                return plain_forward(hidden_states.float())
            finally:
                router._parameters["weight"] = master

    router.forward = forward


def exported(model: PreTrainedModel, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """(checkpoint name, tensor) of everything a sampler needs: parameters and persistent buffers, experts one by one.

    transformers holds a layer's experts as one 3-D tensor; checkpoints and vLLM name each expert's matrices.
    """
    tied = bool(model.config.tie_word_embeddings)
    for name, tensor in model.state_dict().items():
        if tied and name == "lm_head.weight":
            continue  # the embedding under another name
        kept = tensor if name.endswith(FP32_ALWAYS) else tensor.to(dtype)
        yield from _per_expert(name, kept)


def save(model: PreTrainedModel, dtype: torch.dtype, folder: Path) -> None:
    """Writes config and weights as a plain Hugging Face folder: the same names and values that the sampler gets."""
    tensors = {name: tensor.detach().cpu().clone() for name, tensor in exported(model, dtype)}
    folder.mkdir(parents=True, exist_ok=True)
    save_torch_state_dict(tensors, folder, metadata={"format": "pt"})
    model.config.dtype = dtype
    model.config.architectures = [type(model).__name__]  # vLLM picks the model class by it
    model.config.save_pretrained(folder)


def _per_expert(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
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


def named_dtype(name: str) -> torch.dtype:
    """ "float32" or "bfloat16" as torch's."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]
