"""The loss over the completion tokens of one micro-batch, and what is counted on the way.

Every term is divided by totals of the whole optimizer step, so that micro-batches, accumulation and data parallelism
cannot change the gradient: losses just add.
"""

from r1rl.loss.policy import loss
from r1rl.loss.statistics import merge, metrics
from r1rl.loss.tokens import Terms, Tokens, Totals

__all__ = ["Terms", "Tokens", "Totals", "loss", "merge", "metrics"]
