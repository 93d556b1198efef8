"""GRPO as DeepSeek-R1 used it (arXiv 2501.12948v2, sec. 2.1, eq. 1 to 3).

Per token and averaged per sequence, as DeepSeekMath (arXiv 2402.03300, eq. 3) writes it out; R1's text has one ratio of
whole sequences' probabilities, which no implementation uses. KL, refreshes and the clip of 10 are those of R1's first
stage of reinforcement learning (sec. 3.2.1): the clip bounds the ratio above and leaves it free below. The clip of
R1-Zero is not published.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="grpo",
    advantage=advantage.standardised,
    aggregation="sequence",
    clip_low=1.0,  # 1 - 10 is below any ratio
    clip_high=10.0,
    kl=0.001,
    kl_estimate="k3",
    reference_every=400,
)
