"""Load balancing without an auxiliary loss, and the sequence-wise loss that may go with it.

DeepSeek-V3 report (arXiv 2412.19437) sec. 2.1.2. After each optimizer step an expert's correction bias rises by gamma
when it got less than the mean load of its layer and falls by gamma when it got more. The load is that of the whole
step: every position of every sample, prompt and completion alike, over all micro-batches and ranks; padding is left
out. The bias picks experts and has no part in their weights, so no gradient reaches it.

V3 was trained with gamma = 0.001 and ended with gamma = 0; nothing is published for its reinforcement learning. A bias
that moves between rollout and update is one more difference between sampler and learner, so the default there is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from r1rl.errors import RunError
from r1rl.policy import routers
from r1rl.policy.rows import Counts, Rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel


class Balance:
    """Counts each expert's load, moves the biases, and adds the sequence-wise loss."""

    def __init__(self, model: PreTrainedModel, *, speed: float, alpha: float) -> None:
        self.routers, self.speed, self.alpha = routers.of(model), speed, alpha
        self._load: dict[str, torch.Tensor] = {}
        self._sequence: torch.Tensor | None = None  # [B x T], while a training forward runs
        self._seen: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}  # layer -> logits, experts of this micro-batch
        for layer, router in self.routers.items():
            router.register_forward_hook(partial(self._see, layer))

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        return nullcontext()

    @contextmanager
    def training(self, batch: Rows) -> Iterator[None]:
        self._sequence, self._seen = batch.sequence_BT.reshape(-1), {}
        try:
            yield
            for layer, (_, experts) in self._seen.items():
                self._count(layer, experts)
        finally:
            self._sequence, self._seen = None, {}

    def loss(self, totals: Counts) -> torch.Tensor | None:
        """alpha x the sum over layers and sequences of sum_i f_i P_i (eq. 17 to 20), over the step's sequences."""
        if not self.alpha:
            return None
        assert self._sequence is not None
        parts = []
        for logits, experts in self._seen.values():
            _require_gradient(logits)
            parts.append(unevenness(logits, experts, self._sequence))
        return self.alpha * torch.stack(parts).sum() / totals.sequences

    def after_step(self, sum_over_ranks: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for layer, router in self.routers.items():  # every rank sums all of them, a rank without samples too
            whole = sum_over_ranks(self._load.get(layer, self._nothing(router))).double()
            if not whole.any():
                continue  # the layer of multi-token prediction, which is not trained
            if self.speed:
                move(router.e_score_correction_bias, whole, self.speed)
            mean = whole.mean()
            metrics[f"policy/load_cv/layer_{layer}"] = (whole.std(correction=0) / mean).item()
            metrics[f"policy/load_max/layer_{layer}"] = (whole.max() / mean).item()
        self._load = {}
        cvs = [value for key, value in metrics.items() if "load_cv" in key]
        return metrics | ({"policy/load_cv/mean": sum(cvs) / len(cvs)} if cvs else {})

    def _see(self, layer: str, router: Any, args: Any, output: tuple[torch.Tensor, ...]) -> None:
        # By layer, not appended: with activation checkpointing the hook runs again in the backward pass.
        if self._sequence is not None:
            logits, _, experts = output
            self._seen[layer] = (logits if self.alpha else logits.detach(), experts)

    @torch.no_grad()
    def _count(self, layer: str, experts: torch.Tensor) -> None:
        assert self._sequence is not None
        real = experts[self._sequence >= 0].reshape(-1)
        router = self.routers[layer]
        count = torch.bincount(real, minlength=router.num_experts)
        self._load[layer] = self._load.get(layer, self._nothing(router)) + count

    def _nothing(self, router: Any) -> torch.Tensor:
        return torch.zeros(router.num_experts, dtype=torch.int64, device=router.e_score_correction_bias.device)


@torch.no_grad()
def move(bias: torch.Tensor, load: torch.Tensor, speed: float) -> None:
    """b_i += gamma x sign(mean load - load_i), in place and in fp32 (sec. 2.1.2).

    >>> b = torch.zeros(3)
    >>> move(b, torch.tensor([5.0, 1.0, 3.0]), 0.5)
    >>> b.tolist()
    [-0.5, 0.5, 0.0]
    """
    assert bias.dtype == torch.float32
    bias.add_(torch.sign(load.mean() - load), alpha=speed)


def unevenness(logits: torch.Tensor, experts: torch.Tensor, sequence: torch.Tensor) -> torch.Tensor:
    """Sum over the sequences of sum_i f_i P_i (eq. 18 to 20): 1 for each that uses all experts alike, more otherwise.

    Args:
        logits: [tokens, N] router logits; the gradient flows through P.
        experts: [tokens, K] chosen.
        sequence: [tokens], which sequence a token belongs to; -1 for padding.
    """
    real = sequence >= 0
    owner, count = sequence[real], int(sequence.max()) + 1
    scores = logits[real].float().sigmoid()
    shares = scores / scores.sum(dim=-1, keepdim=True)
    hits = torch.zeros_like(shares).scatter_(1, experts[real], 1.0)
    tokens = torch.bincount(owner, minlength=count).clamp(min=1)[:, None]
    empty = shares.new_zeros(count, shares.shape[1])
    mean_share = empty.index_add(0, owner, shares) / tokens
    fraction = empty.index_add(0, owner, hits) / tokens * (shares.shape[1] / experts.shape[1])
    return (fraction * mean_share).sum()


def _require_gradient(logits: torch.Tensor) -> None:
    if not logits.requires_grad:
        raise RunError(
            "policy.balance_loss gets no gradient: the routers ran without one",
            "re-entrant activation checkpointing hides what happens inside a layer",
            "checkpoint with use_reentrant=False, or set policy.balance_loss to 0",
        )
