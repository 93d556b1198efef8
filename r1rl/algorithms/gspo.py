"""GSPO: "Group Sequence Policy Optimization" (arXiv 2507.18071), sec. 4.1, eq. 5 to 7.

One ratio per sequence, normalised by its length, so that the clip keeps or drops whole answers. The range is that of
sec. 5.1, for a large policy and 4 updates per rollout; it is of the size by which one update moves a sequence, and a
small policy with a larger learning rate needs a wider one.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="gspo",
    advantage=advantage.standardised,
    ratio="sequence",
    aggregation="sequence",
    clip_low=3e-4,
    clip_high=4e-4,
)
