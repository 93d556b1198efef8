"""DAPO (arXiv 2503.14476), sec. 3: clip-higher, dynamic sampling, token-level loss; no KL (sec. 2.3).

The fourth part, soft overlong punishment, is a reward: `length:soft_overlong`, with the rollout's max_tokens as its
limit. The paper resamples until the step is full, by right and wrong; here the rounds are bounded, and a group is
informative when its rewards differ, whatever makes them differ.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="dapo",
    advantage=advantage.standardised,
    aggregation="token",  # eq. 12
    clip_low=0.2,  # sec. 4.1
    clip_high=0.28,
    sampling_rounds=4,
)
