"""What a forward pass keeps, against autograd's own list of saved tensors."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from r1rl import sizes
from r1rl.packing import Packing
from r1rl.planning import activations
from r1rl.planning.architecture import read
from r1rl.policy.scorer import Scorer

ROWS, LENGTH, VOCAB = 3, 32, 300
PLAIN = {"hidden_size": 96, "num_attention_heads": 6, "num_key_value_heads": 2, "intermediate_size": 200}
V3 = dict(sizes.get("tiny").fields)


def saved(family: str, fields: dict, dtype: torch.dtype) -> float:
    """Bytes per token that autograd keeps, parameters left out."""
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **fields, vocab_size=VOCAB)).to(dtype)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    tokens = ROWS * LENGTH
    ids = torch.arange(tokens)[None] % VOCAB
    packing = Packing.of([LENGTH] * ROWS, torch.device("cpu"))
    places = torch.cat([torch.arange(1, LENGTH) + row * LENGTH for row in range(ROWS)])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = Scorer(model)(ids, packing, places, 1.0)
    assert held[0].requires_grad
    return sum(t.untyped_storage().nbytes() for pointer, t in kept.items() if pointer not in own) / tokens


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("family", "fields"),
    [
        ("llama", PLAIN | {"num_hidden_layers": 3}),
        ("qwen2", PLAIN | {"num_hidden_layers": 2}),
        ("qwen3", PLAIN | {"num_hidden_layers": 2, "head_dim": 32}),
        ("deepseek_v3", V3 | {"num_hidden_layers": 2, "first_k_dense_replace": 2}),
        ("deepseek_v3", V3 | {"num_hidden_layers": 2, "first_k_dense_replace": 0}),
        ("deepseek_v3", V3 | {"q_lora_rank": None, "n_shared_experts": 2}),
    ],
)
def test_activations_are_counted(family: str, fields: dict, dtype: torch.dtype) -> None:
    architecture = read({"model_type": family, "vocab_size": VOCAB, **fields})
    kernels = activations.Kernels(compute_bytes=dtype.itemsize, flash=False, longest=LENGTH)
    counted = activations.layers(architecture, kernels) + activations.ends(architecture, kernels)
    assert counted == pytest.approx(saved(family, fields, dtype), rel=0.01)


def test_recomputing_keeps_one_layer_and_the_inputs_of_all() -> None:
    architecture = read({"model_type": "llama", "vocab_size": VOCAB, **PLAIN, "num_hidden_layers": 10})
    kernels = activations.Kernels(compute_bytes=4, flash=False, longest=LENGTH)
    one = activations.layers(architecture, kernels) / 10
    assert activations.recomputed(architecture, kernels) == pytest.approx(one + 10 * 4 * 96)
