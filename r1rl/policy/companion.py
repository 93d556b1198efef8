"""What an architecture adds to training, behind four hooks: the learner calls these and knows no architecture.

For each micro-batch of an update, on every rank:

    with contextlib.ExitStack() as stack:
        for c in companions:
            stack.enter_context(c.training(batch))
        loss = ...                                          # the forward pass and the algorithm's own loss
        for extra in (c.loss(totals) for c in companions):  # after the forward pass, before the backward one
            loss = loss if extra is None else loss + extra
        loss.backward()
    ...
    optimizer.step(); metrics |= c.after_step(sum_over_ranks)   # for each companion

and around the no-grad forward that computes old log-probs, once per rollout: `with c.observing(batch): ...`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from r1rl.policy import balance, mtp, replay, routers, teaching
from r1rl.policy.rows import Counts, Rows
from r1rl.policy.teaching import Teaching

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from r1rl.recipe.schema import PolicySection

SumOverRanks = Callable[[torch.Tensor], torch.Tensor]


class Companion(Protocol):
    """One thing that an architecture adds."""

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        """Around the no-grad forward that computes old log-probs."""
        ...

    def training(self, batch: Rows) -> AbstractContextManager[Any]:
        """Around a training forward and its backward; recomputed activations count once."""
        ...

    def loss(self, totals: Counts) -> torch.Tensor | None:
        """The extra loss of the micro-batch just run, already divided by totals of the step: micro-batches add."""
        ...

    def after_step(self, sum_over_ranks: SumOverRanks) -> dict[str, float]:
        """After the optimizer's step; returns metrics. Every rank calls it, in the same order."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Which companions a policy gets. The defaults: none that changes anything.

    >>> Settings(replay="r2").balance_speed
    0.0
    """

    replay: str = "none"  # "none", "r2" or "r3"
    balance_speed: float = 0.0  # gamma of the bias update; 0: the bias is frozen
    balance_loss: float = 0.0  # alpha of the sequence-wise loss
    mtp_loss: float = 0.0  # lambda of multi-token prediction; 0: its layer is kept as it is
    mtp_joint: bool = False  # whether that loss trains the whole policy or the layer alone
    teaching: Teaching | None = None  # a teacher whose distribution the policy learns

    @property
    def observes(self) -> bool:
        """Whether old log-probs are computed even where they could not differ, because a companion looks on."""
        return self.replay == "r2"

    @classmethod
    def of(cls, policy: PolicySection, *, warming: bool) -> Settings:
        """What a recipe says, for its warm-up or for reinforcement learning."""
        return cls(
            replay="none" if warming else policy.replay,
            balance_speed=policy.balance_warmup if warming else policy.balance_speed,
            balance_loss=policy.balance_loss,
            mtp_loss=policy.mtp_loss,
            mtp_joint=warming,
        )


def companions(model: PreTrainedModel, settings: Settings) -> list[Companion]:
    """The companions of a policy, installed in it; an empty list for a dense one.

    Raises UserError for a setting that this policy has no use for.
    """
    found: list[Companion] = []
    if settings.replay != "none":
        found.append(replay.build(model, settings.replay))
    if settings.mtp_loss:
        found.append(mtp.Companion(model, weight=settings.mtp_loss, joint=settings.mtp_joint))
    if routers.of(model):
        found.append(balance.Balance(model, speed=settings.balance_speed, alpha=settings.balance_loss))
    if settings.teaching is not None:
        found.append(teaching.Companion(model, settings.teaching))
    return found
