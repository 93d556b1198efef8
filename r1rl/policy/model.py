"""Loads a policy and says what of it travels to the sampler.

In half precision a model computes with rounded parameters, the very values that the sampler gets; buffers stay fp32,
and V3's router scores experts in fp32 from those rounded weights (arXiv 2412.19437 sec. 2.1.2), as vLLM's does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from huggingface_hub import save_torch_state_dict
from transformers import AutoConfig, AutoModelForCausalLM

from r1rl.errors import UserError
from r1rl.policy import mtp, names, tensors, weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FP32_ALWAYS = ("e_score_correction_bias",)  # steps of 0.001 vanish in bf16


def load(folder: Path, dtype: torch.dtype, device: torch.device) -> PreTrainedModel:
    """The policy with parameters of this dtype.

    Raises UserError for a checkpoint that lacks weights which its config.json declares.
    """
    model: Any = _from_fp8(folder) if _is_fp8(folder) else _from_folder(folder)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    return model.to(device).train()


def exported(model: PreTrainedModel, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """(checkpoint name, tensor) of all that a sampler needs: parameters and persistent buffers, experts one by one.

    Tensors come one at a time, whole; where the policy is sharded every rank must take them all.
    """
    return _as_checkpoint(tensors.plain(model), model, dtype)


def outlines(model: PreTrainedModel, dtype: torch.dtype) -> Iterator[tuple[str, torch.Tensor]]:
    """What `exported` gives, without values."""
    return _as_checkpoint(tensors.outlines(model), model, dtype)


def _as_checkpoint(
    named: Iterable[tuple[str, torch.Tensor]], model: PreTrainedModel, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    kept = ((name, t if name.endswith(FP32_ALWAYS) else t.to(dtype)) for name, t in named)
    yield from names.to_checkpoint(kept, model.config)


def save(model: PreTrainedModel, dtype: torch.dtype, folder: Path) -> None:
    """Writes config and weights as a plain Hugging Face folder: the same names and values that the sampler gets."""
    named = {name: tensor.cpu().clone() for name, tensor in exported(model, dtype)}
    folder.mkdir(parents=True, exist_ok=True)
    save_torch_state_dict(named, folder, metadata={"format": "pt"})
    model.config.dtype = dtype
    model.config.architectures = [type(model).__name__]  # vLLM picks the model class by it
    model.config.save_pretrained(folder)


def named_dtype(name: str) -> torch.dtype:
    """ "float32", "bfloat16" or "float16" as torch's."""
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def _from_folder(folder: Path) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa")
    mtp.attach(model)
    if hasattr(model, "mtp"):
        prefix = f"model.layers.{model.config.num_hidden_layers}."
        _fill(model, folder, lambda name: name.startswith(prefix), only="mtp.")
    return model


def _is_fp8(folder: Path) -> bool:
    quantization = json.loads((folder / "config.json").read_text()).get("quantization_config") or {}
    return quantization.get("quant_method") == "fp8"


def _from_fp8(folder: Path) -> PreTrainedModel:
    """transformers would need a GPU for it, and would keep FP8 weights, which cannot be trained."""
    config = AutoConfig.from_pretrained(folder)
    side = set(config.quantization_config.get("weight_block_size") or ())
    del config.quantization_config
    if len(side) != 1:
        raise UserError(
            f"{folder} is quantised to FP8 without square blocks",
            "the format that can be read has one factor for each block of 128 x 128",
            "dequantise it to bfloat16 by the tool that made it",
        )
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    mtp.attach(model)
    _fill(model, folder, lambda name: True, only="", block=side.pop())
    return model


def _fill(model: PreTrainedModel, folder: Path, wanted: Any, only: str, block: int = weights.BLOCK) -> None:
    """Loads the wanted tensors of a folder. Raises UserError unless they are all whose names begin with `only`."""
    state = names.from_checkpoint(weights.read(folder, wanted, block), model.config)
    expected = {name for name in model.state_dict() if name.startswith(only)}
    if model.config.tie_word_embeddings:
        expected.discard("lm_head.weight")
    missing = sorted(expected - state.keys())
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing)} of the weights that its config.json declares, {missing[0]} among them",
            "a policy with random parts is not the policy",
            "fetch the missing files; without weights of multi-token prediction set num_nextn_predict_layers to 0",
        )
    model.load_state_dict({name: tensor.float() for name, tensor in state.items() if name in expected}, strict=False)
