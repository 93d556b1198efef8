"""GRPO as DeepSeek-V3.2 scaled it up (arXiv 2512.02556), sec. 3.1.

Unbiased KL, off-policy sequence mask, advantages without division. Its "old" policy is what the inference engine
reported, so ratio, KL and mask cover staleness and mismatch at once and no other correction is applied. Keeping the
experts' routing is the policy's part; keeping the sampling mask needs nothing, for nothing is cut off when sampling.
The paper gives neither the clip, nor the KL's coefficient, nor delta: PPO's, R1's, and the 0.5 that TRL proposes.
"""

from r1rl import advantage
from r1rl.algorithm import Algorithm
from r1rl.correction import NONE

ALGORITHM = Algorithm(
    name="grpo_v32",
    advantage=advantage.centred,
    ratio_to="sampler",
    correction=NONE,
    aggregation="sequence",
    kl=0.001,
    kl_estimate="unbiased",
    off_policy_delta=0.5,
)
