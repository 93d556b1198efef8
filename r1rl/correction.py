"""What is done about sampler and learner disagreeing on the same tokens: named presets of one shape.

The sampler's probability mu and the learner's own pi, before any update, of one token should be equal and are not:
other kernels, other precision, other experts. w = pi / mu says by how much; a preset says what w does to the loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Correction:
    """One way to weigh or drop tokens by w = pi / mu.

    >>> PRESETS["token_tis"].high, PRESETS["icepop"].outside
    (2.0, 'drop')
    """

    level: Literal[
        "token", "sequence", "geometric"
    ]  # w of a token, of its sequence, or the geometric mean of its tokens
    low: float
    high: float
    outside: Literal["truncate", "drop"]  # what happens to a w outside [low, high]
    weigh: bool  # whether the kept tokens are multiplied by w, or by 1


NONE = Correction(level="token", low=0.0, high=math.inf, outside="truncate", weigh=False)

PRESETS = {
    "none": NONE,
    "token_tis": Correction(level="token", low=0.0, high=2.0, outside="truncate", weigh=True),
    "sequence_tis": Correction(level="sequence", low=0.0, high=2.0, outside="truncate", weigh=True),
    "icepop": Correction(level="token", low=0.5, high=5.0, outside="drop", weigh=True),
    "geometric_mask": Correction(level="geometric", low=0.99, high=1.001, outside="drop", weigh=False),
}
