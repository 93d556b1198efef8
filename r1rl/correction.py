"""What is done about sampler and learner disagreeing on the same tokens: named presets of one shape.

The probability of a token under the sampler, mu, and under the learner before any update, pi, should be equal and are
not: other kernels, other precision, other experts. w = pi / mu says by how much; a preset says what w does to the
surrogate. The KL and entropy terms are left alone.
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

    level: Literal["token", "sequence", "geometric"]  # of w: a token, its sequence, or the sequence's mean per token
    low: float
    high: float
    outside: Literal["truncate", "drop"]  # what happens to a w outside [low, high]
    weigh: bool  # whether kept tokens are multiplied by w, or by 1


NONE = Correction(level="token", low=0.0, high=math.inf, outside="truncate", weigh=False)

Preset = Literal["none", "token_tis", "sequence_tis", "icepop", "geometric_mask"]

PRESETS: dict[Preset, Correction] = {
    "none": NONE,
    # Truncated importance sampling: "Your Efficient RL Framework Secretly Brings You Off-Policy RL Training"
    # (Yao et al., 2025, fengyao.notion.site/off-policy-rl); the cap C = 2 is theirs.
    "token_tis": Correction(level="token", low=0.0, high=2.0, outside="truncate", weigh=True),
    # The unbiased weight of a whole sequence, truncated: "When Speed Kills Stability" (Liu et al., 2025).
    "sequence_tis": Correction(level="sequence", low=0.0, high=2.0, outside="truncate", weigh=True),
    # IcePop: Ring-1T (arXiv 2510.18855); alpha = 0.5, beta = 5.
    "icepop": Correction(level="token", low=0.5, high=5.0, outside="drop", weigh=True),
    # The geometric mean per token, so that long sequences are not dropped for their length ("When Speed Kills
    # Stability"); the band is that of verl's examples. It is narrow: a mismatch of a thousandth of a nat per token, all
    # in one direction, drops a sequence.
    "geometric_mask": Correction(level="geometric", low=0.99, high=1.001, outside="drop", weigh=False),
}
