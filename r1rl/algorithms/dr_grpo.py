"""Dr. GRPO: "Understanding R1-Zero-Like Training" (arXiv 2503.20783), sec. 3.2.

GRPO without its two biases: neither the spread of a group nor the length of an answer changes what a token weighs.
No KL; the clip is PPO's, as in the authors' code.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm

ALGORITHM = Algorithm(
    name="dr_grpo",
    advantage=advantage.centred,
    aggregation="constant",
)
