"""CISPO: MiniMax-M1 (arXiv 2506.13585), sec. 3.1, eq. 4 and 5: the weight is clipped, no token's gradient dropped.

There is no lower bound and no KL, as in the paper. It does not give its upper bound; a weight of at most 5 is what
TRL's reproduction of ScaleRL (arXiv 2510.13786), which uses the same loss, has.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="cispo",
    advantage=advantage.standardised,
    surrogate="cispo",
    aggregation="token",
    clip_low=1.0,
    clip_high=4.0,
)
