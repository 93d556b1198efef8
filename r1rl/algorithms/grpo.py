"""GRPO as DeepSeek-R1 trained R1-Zero (arXiv 2501.12948, sec. 2.1)."""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="grpo",
    advantage=advantage.standardised,
    aggregation="token",
    kl=0.001,
    kl_estimate="k3",
    reference_every=400,
)
