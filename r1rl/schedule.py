"""The learning rate as a pure function of the update number: nothing to save, nothing to restore."""

from __future__ import annotations

import math


def lr_at(update: int, *, peak: float, warmup: int, total: int, shape: str) -> float:
    """Learning rate of update 0, 1, …, total - 1: a linear rise to the peak, then `shape`.

    "constant" stays there, "linear" and "cosine" fall to a tenth of the peak.

    >>> [round(lr_at(i, peak=1.0, warmup=2, total=6, shape="linear"), 2) for i in range(6)]
    [0.5, 1.0, 1.0, 0.78, 0.55, 0.33]
    """
    if update < warmup:
        return peak * (update + 1) / warmup
    if shape == "constant":
        return peak
    done = min(1.0, (update - warmup) / max(1, total - warmup))
    falling = 1 - done if shape == "linear" else (1 + math.cos(math.pi * done)) / 2
    return peak * (0.1 + 0.9 * falling)
