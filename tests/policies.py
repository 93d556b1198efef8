"""Small policies and samples for tests of the learner: a dense one and a mixture of experts."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from r1rl.policy import init
from r1rl.policy import model as policy_model
from r1rl.types import Sample

VOCABULARY = 101
LENGTH = 64  # tokens
SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 96,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": LENGTH,
    "initializer_range": 0.1,
}


def make(name: str) -> PreTrainedModel:
    """ "llama" (tied embeddings), "qwen2", "qwen3" or "v3", with random weights; always the same ones."""
    torch.manual_seed(0)
    if name == "llama":
        return LlamaForCausalLM(LlamaConfig(**SMALL, tie_word_embeddings=True)).train()
    if name == "qwen2":
        return Qwen2ForCausalLM(Qwen2Config(**SMALL)).train()
    if name == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(**SMALL, head_dim=16)).train()
    model = init.make("tiny", _Words(), LENGTH, 0)  # type: ignore[arg-type]
    for buffer_name, buffer in model.named_buffers():
        if buffer_name.endswith("e_score_correction_bias"):
            buffer.normal_(std=0.05)
    return model.train()


def write(name: str, folder: Path) -> Path:
    """The policy as a Hugging Face folder in float32, without a tokenizer."""
    policy_model.save(make(name), torch.float32, folder)
    return folder


def some_samples(count: int, seed: int = 0, longest: int = 40) -> list[Sample]:
    """Samples of unlike lengths and advantages."""
    generator = torch.Generator().manual_seed(seed)

    def draw(high: int, size: int) -> tuple[int, ...]:
        return tuple(torch.randint(0, high, (size,), generator=generator).tolist())

    samples = []
    for i in range(count):
        prompt, tokens = 2 + i % 3, 1 + (i * 7 + 3) % longest
        noise = torch.randn(tokens, generator=generator)
        samples.append(
            Sample(
                prompt_ids_T=draw(VOCABULARY, prompt),
                token_ids_T=draw(VOCABULARY, tokens),
                logprobs_T=tuple((-4.6 + 0.3 * noise).tolist()),  # about what a uniform policy says
                advantages_T=((-1.3, 0.4, 1.7, -0.6)[i % 4],) * tokens,
            )
        )
    return samples


class _Words:
    """All that making a policy asks of a tokenizer."""

    eos_token_id = 0

    def __len__(self) -> int:
        return VOCABULARY
