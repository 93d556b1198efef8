"""Log-probs of given tokens from hidden states, in chunks: the logits of a whole batch never exist at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.utils.checkpoint import checkpoint

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHUNK = 2048  # tokens; 2048 x 129,280 fp32 logits are 1 GiB


def token_logprobs(
    model: PreTrainedModel,
    ids_BT: torch.Tensor,
    keep_BT: torch.Tensor,
    temperature: float,
    entropy_gradient: bool = False,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-prob and entropy (nats) of each kept token under the policy at the sampling temperature.

    Args:
        ids_BT: token ids, padded on the right. No attention mask is needed: attention is causal, so padding is only
            ever seen by padding.
        keep_BT: True where the token's log-prob is wanted; never at position 0, which nothing predicts.
        temperature: divides the logits, as the sampler did.

    Returns:
        Two tensors of shape (keep_BT.sum(),), in row-major order of `keep_BT`. The entropy carries a
        gradient if asked for.
    """
    hidden = model.base_model(input_ids=ids_BT, use_cache=False).last_hidden_state
    before = hidden[:, :-1][keep_BT[:, 1:]]
    targets = ids_BT[keep_BT]
    head = model.get_output_embeddings().weight
    parts = [
        checkpoint(_head, h, head, t, temperature, entropy_gradient, use_reentrant=False)
        for h, t in zip(before.split(CHUNK), targets.split(CHUNK), strict=True)
    ]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _head(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, temperature: float, entropy_gradient: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    logits = torch.nn.functional.linear(hidden, weight).float() / temperature
    logprobs = torch.log_softmax(logits, dim=-1)
    with torch.set_grad_enabled(entropy_gradient and torch.is_grad_enabled()):
        entropy = -(logprobs.exp() * logprobs).sum(-1)
    return logprobs.gather(-1, targets[:, None]).squeeze(-1), entropy
