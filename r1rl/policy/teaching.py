"""Distillation of distributions: a frozen teacher beside the policy in training, asked at the same places.

A companion, so the learner stays blind to it: it looks at what the policy's body was called with, calls the teacher's
with the same, and adds the divergence at the completion tokens to the loss. The teacher is whole on every rank.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from r1rl.policy import model as policy_model
from r1rl.policy.divergence import Divergence, Side, divergences
from r1rl.policy.rows import Counts, Rows

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from r1rl.policy.companion import SumOverRanks


@dataclass(frozen=True, kw_only=True)
class Teaching:
    """Who teaches, and how the two are compared.

    >>> Teaching(folder=Path("big"), divergence=Divergence(kind="reverse_kl"), temperature=1.0).divergence.top_k
    0
    """

    folder: Path
    divergence: Divergence
    temperature: float  # divides the logits of both


class Companion:
    """Adds the mean divergence per completion token to the loss."""

    def __init__(self, model: PreTrainedModel, teaching: Teaching) -> None:
        self.model: Any = model
        self.teaching = teaching
        parameter = next(model.parameters())
        teacher: Any = policy_model.load(teaching.folder, parameter.dtype, parameter.device)
        teacher.set_attn_implementation(model.config._attn_implementation)  # packed rows are packed for it too
        self.teacher = teacher.eval().requires_grad_(False)
        self._seen = 0.0

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        return nullcontext()

    @contextmanager
    def training(self, batch: Rows) -> Iterator[None]:
        def look(module: Any, arguments: Any, asked: dict[str, Any], output: Any) -> None:
            self._asked, self._hidden = asked, output.last_hidden_state

        self._keep = batch.keep_BT
        handle = self.model.base_model.register_forward_hook(look, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def loss(self, totals: Counts) -> torch.Tensor | None:
        """The divergence, summed over this micro-batch's completion tokens and divided by those of the step."""
        with torch.no_grad():
            hidden = self.teacher.base_model(**self._asked).last_hidden_state
        found = divergences(
            self._side(self.model, self._hidden),
            self._side(self.teacher, hidden),
            self.teaching.divergence,
            self.teaching.temperature,
        )
        total = found.sum() / totals.tokens
        self._seen += total.item()
        return total

    def after_step(self, sum_over_ranks: SumOverRanks) -> dict[str, float]:
        """The mean divergence of the step, in nats per token."""
        seen, self._seen = self._seen, 0.0
        return {"policy/divergence/mean": float(sum_over_ranks(torch.tensor(seen)))}

    def _side(self, model: Any, hidden_BTH: torch.Tensor) -> Side:
        before_KH = hidden_BTH[:, :-1][self._keep[:, 1:]]  # the state before a token predicts it
        return Side(hidden_KH=before_KH, head_VH=model.get_output_embeddings().weight)
