"""RLOO: "Back to Basics" (arXiv 2402.14740): REINFORCE with the mean of the other answers as baseline.

The sum over a sequence's tokens, not their mean, and no clip. There the KL is part of the reward; here `kl` adds it to
the loss, and the default is none. With several updates per rollout the plain importance ratio is applied.
"""

import math

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="rloo",
    advantage=advantage.leave_one_out,
    aggregation="constant",
    clip_low=1.0,
    clip_high=math.inf,
)
