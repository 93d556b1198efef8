"""On-policy distillation (Thinking Machines, October 2025; Qwen3 report, arXiv 2505.09388): a teacher's word per token.

The advantage of a token is log pi_teacher - log pi_student, so the expected gradient is that of the reverse KL of the
student's own answers, token by token with no look ahead (a discount of 0). `r1rl distill` gives these advantages; from
rewards there are none.
"""

from collections.abc import Sequence
from typing import NoReturn

from r1rl.algorithm import Algorithm
from r1rl.errors import UserError


def _from_rewards(rewards_PG: Sequence[Sequence[float]], mask_PG: Sequence[Sequence[bool]]) -> NoReturn:
    raise UserError(
        "the algorithm opd learns from a teacher, and there is none",
        "its advantages compare two policies, token by token; rewards do not enter",
        "run `r1rl distill` with method: on_policy, or name another algorithm",
    )


ALGORITHM = Algorithm(name="opd", advantage=_from_rewards, group_relative=False)
