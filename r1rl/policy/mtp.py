"""Multi-token prediction: one more layer that predicts the token after the next, and its training loss.

DeepSeek-V3 report (arXiv 2412.19437) sec. 2.2, depth 1: h' = M [RMSNorm(Emb(t_{i+1})); RMSNorm(h_i)], a transformer
block, and the policy's own head. h_i is the policy's last hidden state after its final norm, and at the first position
of a sequence the embedding counts as zero: so does vLLM's draft model (deepseek_mtp.py), which these weights are for.
The report's order of concatenation is the other way round; released checkpoints have this one.

transformers 5.19 has such a layer for generation, but its loss raises a TypeError (modeling_layers.py, MtpModel.forward
adds to None). In reinforcement learning the loss trains the layer alone unless it is told otherwise: hidden states,
embedding and head are taken as they are, and the policy's gradient stays the algorithm's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3

from r1rl.errors import UserError
from r1rl.policy.rows import Counts, Rows, starts

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

CHUNK = 2048  # tokens whose logits exist at once


class Layer(torch.nn.Module):
    """The layer of depth 1. The names of its parts are those of checkpoints, `block` and `norm` apart."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        width = config.hidden_size
        self.enorm = v3.DeepseekV3RMSNorm(width, eps=config.rms_norm_eps)
        self.hnorm = v3.DeepseekV3RMSNorm(width, eps=config.rms_norm_eps)
        self.eh_proj = torch.nn.Linear(2 * width, width, bias=False)
        self.block = v3.DeepseekV3DecoderLayer(config, config.num_hidden_layers)
        self.norm = v3.DeepseekV3RMSNorm(width, eps=config.rms_norm_eps)  # shared_head.norm in checkpoints

    def forward(self, embedded: torch.Tensor, hidden: torch.Tensor, **attention: Any) -> torch.Tensor:
        """Last hidden states [B, T, width] of the layer, ready for the head.

        Args:
            embedded: [B, T, width], the embedding of the next token of each position.
            hidden: [B, T, width], the policy's own last hidden states.
            attention: what the policy's last layer was called with.
        """
        both = torch.cat([self.enorm(embedded), self.hnorm(hidden)], dim=-1)
        return self.norm(self.block(self.eh_proj(both), **attention))


def attach(model: PreTrainedModel) -> None:
    """Gives the policy the layer that its configuration declares, with new weights; none when it declares none.

    Raises UserError for more than one: a policy is trained with V3's depth of 1.
    """
    declared = getattr(model.config, "num_nextn_predict_layers", 0) or 0
    if declared == 0:
        return
    if declared > 1:
        raise UserError(
            f"the policy declares num_nextn_predict_layers = {declared}",
            "one layer of multi-token prediction is what DeepSeek-V3 has and r1rl trains",
            "set num_nextn_predict_layers to 1 or 0 in config.json",
        )
    model.mtp = Layer(model.config)
    model.mtp.apply(model._init_weights)


class Companion:
    """Runs the layer behind each training forward and adds its loss."""

    def __init__(self, model: PreTrainedModel, *, weight: float, joint: bool) -> None:
        if not hasattr(model, "mtp"):
            raise UserError(
                f"policy.mtp_loss = {weight:g}, but the policy has no layer of multi-token prediction",
                "its config.json says num_nextn_predict_layers = 0",
                "make one with a size whose name ends in -mtp, or set policy.mtp_loss to 0",
            )
        self.model: Any = model
        self.weight, self.joint = weight, joint
        self._batch: Rows | None = None
        self._attention: dict[str, Any] = {}
        self._hidden: torch.Tensor | None = None
        self._sums: torch.Tensor | None = None  # nats, right first guesses, tokens
        base: Any = model.base_model
        base.layers[-1].register_forward_pre_hook(self._see_attention, with_kwargs=True)
        base.norm.register_forward_hook(self._see_hidden)

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        return nullcontext()

    @contextmanager
    def training(self, batch: Rows) -> Iterator[None]:
        self._batch = batch
        try:
            yield
        finally:
            self._batch, self._hidden, self._attention = None, None, {}

    def loss(self, totals: Counts) -> torch.Tensor | None:
        """lambda x cross-entropy of the token after the next (eq. 24 and 25), over the step's completion tokens."""
        assert self._batch is not None
        wanted, targets = targets_of(self._batch)
        head = self._given(self.model.get_output_embeddings().weight)
        hidden = self._run(self._batch)[wanted]
        parts = [
            checkpoint(_nll, h, head, t, use_reentrant=False)
            for h, t in zip(hidden.split(CHUNK), targets.split(CHUNK), strict=True)
        ]
        nll = torch.stack([hidden.sum() * 0, *(p[0] for p in parts)]).sum()  # without targets: a gradient of zero
        right = sum(p[1] for p in parts)
        sums = torch.stack([nll.detach().double(), right.double(), torch.tensor(len(targets), device=nll.device)])
        self._sums = sums if self._sums is None else self._sums + sums
        return self.weight * nll / totals.tokens

    def after_step(self, sum_over_ranks: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, float]:
        mine = torch.zeros(3, dtype=torch.float64) if self._sums is None else self._sums
        nll, right, tokens = sum_over_ranks(mine.to(self.model.device)).tolist()
        self._sums = None
        if not tokens:
            return {}
        return {"policy/mtp/nll/mean": nll / tokens, "policy/mtp/right/frac": right / tokens}

    def _run(self, batch: Rows) -> torch.Tensor:
        following = F.pad(batch.ids_BT[:, 1:], (0, 1))
        last = batch.sequence_BT != F.pad(batch.sequence_BT[:, 1:], (0, 1), value=-1)  # no token follows in its sample
        embedded = F.embedding(following, self._given(self.model.get_input_embeddings().weight))
        embedded = embedded.masked_fill((starts(batch.sequence_BT) | last)[..., None], 0.0)
        assert self._hidden is not None
        found: torch.Tensor = self.model.mtp(embedded, self._given(self._hidden), **self._attention)
        return found

    def _given(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor if self.joint else tensor.detach()

    def _see_attention(self, layer: Any, args: Any, kwargs: dict[str, Any]) -> None:
        if self._batch is not None:
            self._attention = {key: value for key, value in kwargs.items() if key != "hidden_states"}

    def _see_hidden(self, norm: Any, args: Any, output: torch.Tensor) -> torch.Tensor | None:
        if self._batch is None:
            return self._take_part(output) if output.requires_grad else None
        self._hidden = output
        return None

    def _take_part(self, output: torch.Tensor) -> torch.Tensor:
        # A rank without samples: its layer needs a gradient of zero, for ranks reduce gradients together or not at all.
        zero = sum(p.reshape(-1)[0] * 0 for p in self.model.mtp.parameters())
        return output + torch.as_tensor(zero, dtype=output.dtype)


def targets_of(batch: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """(where [B, T] the token after the next is a completion token of the same sample, those tokens).

    The tokens are in row-major order of the places.
    """
    same = batch.sequence_BT[:, 2:] == batch.sequence_BT[:, :-2]
    wanted = F.pad(same & batch.keep_BT[:, 2:], (0, 2))
    return wanted, batch.ids_BT[:, 2:][wanted[:, :-2]]


def _nll(hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    logits = F.linear(hidden, head).float()
    with torch.no_grad():
        right = (logits.argmax(-1) == targets).sum()
    return F.cross_entropy(logits, targets, reduction="sum"), right
