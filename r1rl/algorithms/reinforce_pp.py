"""REINFORCE++ with baseline (arXiv 2501.03262v9): centred by group, scaled by the whole step, k2 KL in the loss.

The variant without baseline has its KL in the reward, token by token, and a group of one; it is not here. The paper
leaves the KL's coefficient open: this is R1's.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="reinforce_pp",
    advantage=advantage.batch_standardised,
    aggregation="token",
    kl=0.001,
    kl_estimate="k2",
)
