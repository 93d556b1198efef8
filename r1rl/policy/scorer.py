"""The policy as the learner sees it: packed tokens in, log-probs and entropies out."""

from __future__ import annotations

from typing import Any

import torch

from r1rl.packing import Packing
from r1rl.policy.attention import PACKED
from r1rl.policy.logprobs import EAGER, HeadMath, head_logprobs


class Scorer(torch.nn.Module):
    """A causal language model with its head in chunks.

    A module of its own around the model, because sharded weights are whole only within a module's forward pass: the
    head's are used here, not in the model's own forward, which would make the logits of all tokens.
    """

    def __init__(self, model: Any, head: HeadMath = EAGER) -> None:
        super().__init__()
        model.set_attn_implementation(PACKED)
        self.model, self.head = model, head

    def forward(
        self,
        ids_1T: torch.Tensor,
        packing: Packing,
        places_K: torch.Tensor,
        temperature: float,
        entropy_gradient: bool = False,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-prob and entropy (nats, fp32) of the tokens at `places_K`, under the policy at this temperature.

        Args:
            ids_1T: the tokens of all sequences, one after the other, in a row of shape (1, T).
            places_K: where in the row the wanted tokens stand; never the first of a sequence, which nothing predicts.
        """
        positions_1T = packing.positions_T[None]
        found = self.model.base_model(input_ids=ids_1T, position_ids=positions_1T, use_cache=False, packing=packing)
        before_KH = found.last_hidden_state[0, places_K - 1]
        head = self.model.get_output_embeddings().weight
        return head_logprobs(before_KH, head, ids_1T[0, places_K], temperature, entropy_gradient, self.head)
