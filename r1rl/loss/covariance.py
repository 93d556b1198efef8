"""KL-Cov: which tokens drive the entropy down, chosen over a whole optimizer step.

"The Entropy Mechanism of Reinforcement Learning" (arXiv 2505.22617), sec. 4.2: tokens where (log-prob - its mean) times
(advantage - its mean) is largest. There the choice is made inside the loss, so a micro-batch would choose its own
tokens. Here the driver finds the three numbers that decide it from what it holds before the step, the log-probs at
sampling time, and every micro-batch and rank applies the same three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from r1rl.types import Sample


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """The tokens of a step whose covariance is at or above a threshold.

    >>> s = Sample(prompt_ids_T=(1,), token_ids_T=(5, 9), logprobs_T=(-1.0, -3.0), advantages_T=(1.0, 1.0))
    >>> t = Sample(prompt_ids_T=(1,), token_ids_T=(5, 9), logprobs_T=(-1.0, -3.5), advantages_T=(-1.0, -1.0))
    >>> one = Outliers.of([s, t], share=0.25)
    >>> one.chosen(torch.tensor([-1.0, -3.0, -1.0, -3.5]), torch.tensor([1.0, 1.0, -1.0, -1.0]))
    tensor([False, False, False,  True])
    """

    logprob: float  # mean over the step's tokens, nats
    advantage: float  # the same
    threshold: float

    @classmethod
    def of(cls, samples: Sequence[Sample], share: float) -> Outliers:
        """The `share` of all tokens with the largest covariance, at least one."""
        logprobs_K = torch.tensor([x for s in samples for x in s.logprobs_T], dtype=torch.float32)
        advantages_K = torch.tensor([x for s in samples for x in s.advantages_T], dtype=torch.float32)
        everyone = cls(logprob=logprobs_K.mean().item(), advantage=advantages_K.mean().item(), threshold=0.0)
        count = max(1, round(share * len(logprobs_K)))
        threshold = everyone._covariance(logprobs_K, advantages_K).topk(count).values[-1].item()
        return cls(logprob=everyone.logprob, advantage=everyone.advantage, threshold=threshold)

    def chosen(self, sampler_logprobs_K: torch.Tensor, advantages_K: torch.Tensor) -> torch.Tensor:
        """True where a token is one of them (K)."""
        return self._covariance(sampler_logprobs_K, advantages_K) >= self.threshold

    def _covariance(self, logprobs_K: torch.Tensor, advantages_K: torch.Tensor) -> torch.Tensor:
        # In float32 everywhere, or rounding would part the threshold from the token that set it.
        return (logprobs_K.float() - self.logprob) * (advantages_K.float() - self.advantage)
