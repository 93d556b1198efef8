"""What goes into the loss and what comes out. K completion tokens, flat; S sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1rl.loss.covariance import Outliers
from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The completion tokens of one micro-batch. All log-probs are in nats, at the sampling temperature.

    >>> one = torch.ones(3)
    >>> t = Tokens(logprobs_K=one, entropy_K=one, sampler_logprobs_K=one, old_logprobs_K=one, reference_logprobs_K=None,
    ...            advantages_K=one, sequence_K=torch.tensor([0, 0, 1]))
    >>> t.sequence_sum(torch.tensor([1.0, 2.0, 5.0])), t.sequence_mean(torch.tensor([1.0, 2.0, 5.0]))
    (tensor([3., 3., 5.]), tensor([1.5000, 1.5000, 5.0000]))
    """

    logprobs_K: torch.Tensor  # the policy's, with gradient
    entropy_K: torch.Tensor  # of the policy at each place; with gradient where the algorithm asks for it
    sampler_logprobs_K: torch.Tensor  # at sampling time
    old_logprobs_K: torch.Tensor  # the learner's own before the rollout's first update, or logprobs_K.detach()
    reference_logprobs_K: torch.Tensor | None
    advantages_K: torch.Tensor
    sequence_K: torch.Tensor  # which sequence of the micro-batch, 0 … S-1; a sequence is never split

    def sequence_sum(self, values_K: torch.Tensor) -> torch.Tensor:
        """At each token, the sum over its sequence (K)."""
        return torch.zeros_like(values_K).index_add(0, self.sequence_K, values_K)[self.sequence_K]

    def sequence_mean(self, values_K: torch.Tensor) -> torch.Tensor:
        """At each token, the mean over its sequence (K)."""
        return self.sequence_sum(values_K) / self.lengths_K

    @property
    def lengths_K(self) -> torch.Tensor:
        """At each token, the number of tokens of its sequence."""
        return self.sequence_sum(torch.ones_like(self.advantages_K))


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Of a whole optimizer step, over all its micro-batches and ranks.

    >>> s = Sample(prompt_ids_T=(1,), token_ids_T=(5, 9), logprobs_T=(-0.1, -0.7), advantages_T=(1.0, 1.0))
    >>> Totals.of([s, s, s], max_tokens=40)
    Totals(tokens=6, sequences=3, max_tokens=40, outliers=None)
    """

    tokens: int  # of completions
    sequences: int
    max_tokens: int  # of one completion, as the recipe allows
    outliers: Outliers | None = None  # tokens that KL-Cov holds back

    @classmethod
    def of(cls, samples: Sequence[Sample], max_tokens: int, kl_cov: float = 0.0) -> Totals:
        """Those of the samples of one optimizer step.

        Args:
            kl_cov: the algorithm's share of tokens to hold back.
        """
        return cls(
            tokens=sum(len(s.token_ids_T) for s in samples),
            sequences=len(samples),
            max_tokens=max_tokens,
            outliers=Outliers.of(samples, kl_cov) if kl_cov else None,
        )


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Loss of a micro-batch, already divided by the step's totals, and sums over its tokens for the metrics.

    >>> Terms(loss=torch.tensor(0.5), sums={"clipped": torch.tensor(3.0)}).loss.item()
    0.5
    """

    loss: torch.Tensor  # scalar with gradient; micro-batches and ranks just add
    sums: dict[str, torch.Tensor]  # scalars without gradient; they add too, but keys "max/…" take the largest
