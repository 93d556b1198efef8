"""What the loss is multiplied with before the backward pass, and what happens to gradients that are not finite.

fp16 has three bits of mantissa more than bf16 and far fewer orders of magnitude: small gradients vanish unless they are
scaled up (Micikevicius et al., arXiv 1710.03740, sec. 3.2). The scale halves when a gradient overflows, that update is
left out, and it doubles after a while without. Every other dtype has scale 1, where such a gradient ends the run.
"""

from __future__ import annotations

from dataclasses import dataclass

from r1rl.errors import RunError

PATIENCE = 200  # updates until a larger scale is tried
LARGEST = 2.0**24


@dataclass(kw_only=True)
class LossScale:
    """The same on every rank, because the norm it goes by is.

    >>> scale = LossScale(value=8.0, moves=True)
    >>> scale.failed(update=1, norm=float("inf"))
    >>> scale.value
    4.0
    """

    value: float = 1.0
    moves: bool = False
    good: int = 0  # updates since the scale moved

    @classmethod
    def of(cls, dtype: str) -> LossScale:
        return cls(value=2.0**16, moves=True) if dtype == "float16" else cls()

    def worked(self) -> None:
        self.good += 1
        if self.moves and self.good == PATIENCE:
            self.value, self.good = min(2 * self.value, LARGEST), 0

    def failed(self, update: int, norm: float) -> None:
        """Raises RunError when no smaller scale could help."""
        self.value, self.good = self.value / 2, 0
        if not self.moves or self.value < 1:
            raise RunError(
                f"the gradient of update {update} is not finite (norm {norm})",
                "stepping on it would destroy the policy",
                "lower learner.lr, or look for NaN rewards in the rollouts of this step",
            )
