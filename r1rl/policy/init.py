"""Makes a new policy from a named size: DeepSeek-V3, or a small dense student of the Llama or Qwen3 family.

Architecture of the former: DeepSeek-V3 report (arXiv 2412.19437) sec. 2.1: MLA, dense layers, then shared + routed
experts with sigmoid scores, grouped top-k and a correction bias; with `-mtp` in its name, a layer of multi-token
prediction as well (sec. 2.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from r1rl import sizes
from r1rl.errors import UserError
from r1rl.policy import mtp

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

# Fields that vLLM reads and DeepseekV3Config does not write by itself. Without scoring_func vLLM routes by softmax,
# silently; without topk_method it does not find the correction bias.
VLLM_FIELDS: dict[str, Any] = {"topk_method": "noaux_tc", "scoring_func": "sigmoid", "moe_router_dtype": "float32"}


def config(size: str, vocab_size: int | None, max_length: int | None, eos_id: int | None) -> PreTrainedConfig:
    """The configuration of a named size, complete for transformers and vLLM. None: the size's own number.

    Raises UserError for a name that is not known.
    """
    shape = sizes.get(size)
    fields = dict(shape.fields) | {"tie_word_embeddings": False, "use_cache": False, "bos_token_id": None}
    if shape.family == "deepseek_v3":
        fields |= VLLM_FIELDS
    own = {"vocab_size": vocab_size, "max_position_embeddings": max_length, "eos_token_id": eos_id}
    fields |= {key: value for key, value in own.items() if value is not None}
    return AutoConfig.for_model(shape.family, **fields, pad_token_id=eos_id)


def make(size: str, tokenizer: PreTrainedTokenizerFast, max_length: int, seed: int) -> PreTrainedModel:
    """A new policy with random weights; the same seed gives the same weights.

    Raises UserError for a size that is a configuration only.
    """
    if not sizes.get(size).with_weights:
        raise UserError(
            f"size {size} is a configuration only",
            "its weights do not fit into the memory of the machine that would make them",
            "take a size up to 1B, or a pretrained policy",
        )
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config(size, len(tokenizer), max_length, tokenizer.eos_token_id))
    mtp.attach(model)
    _init_routers(model)
    return model


def _init_routers(model: PreTrainedModel) -> None:
    # transformers creates router weights as zeros for loading; all-equal scores would tie every top-k.
    for name, weight in model.named_parameters():
        if name.endswith("mlp.gate.weight"):
            torch.nn.init.normal_(weight, std=model.config.initializer_range)
