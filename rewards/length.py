"""Rewards for the length of a completion, in tokens of the policy (`tokens` comes from the rollout).

Two shapes: DAPO's soft overlong punishment, blind to right and wrong, and the cosine of "Demystifying Long
Chain-of-Thought Reasoning" (arXiv:2502.03373), for which `verdict` is what the recipe's first reward said.
"""

import math

from r1rl.errors import UserError
from r1rl.types import Problem, Verdict


def prepare(*, limit: int, buffer: int = 1, **values: float) -> None:
    """Raises UserError for a limit without tokens, or a buffer that is longer than the limit."""
    if not 1 <= buffer <= limit:
        raise UserError(
            f"length: the limit is {limit!r} and the buffer {buffer!r} tokens",
            "the penalty grows from limit - buffer to limit",
            "write the rollout's longest completion as limit, and a buffer from 1 to that",
        )


def soft_overlong(problem: Problem, completion: str, *, tokens: int, limit: int, buffer: int) -> float:
    """0 up to limit - buffer tokens, then a line down to -1 at the limit, -1 beyond: DAPO, arXiv:2503.14476, eq. 13.

    There the limit is 20,480 and the buffer 4,096. It is meant to be added to a reward of right and wrong.

    >>> any_problem = Problem(id="a", question="…", gold="12")
    >>> [soft_overlong(any_problem, "…", tokens=n, limit=100, buffer=20) for n in (80, 90, 100, 5000)]
    [0.0, -0.5, -1.0, -1.0]
    """
    prepare(limit=limit, buffer=buffer)
    return -min(max(tokens - (limit - buffer), 0), buffer) / buffer + 0.0  # + 0.0 turns -0.0 into 0.0


def cosine(
    problem: Problem,
    completion: str,
    *,
    tokens: int,
    verdict: Verdict,
    limit: int,
    correct_short: float = 1.0,
    correct_long: float = 0.5,
    wrong_short: float = -1.0,
    wrong_long: float = -0.5,
    exceeded: float = -1.0,
) -> float | Verdict:
    """Half a cosine wave from the value at 0 tokens (short) to the value at `limit` tokens (long).

    Short is better for a correct answer and worse for any other, which is told to go on thinking; whatever reaches the
    limit was cut off and gets `exceeded`. Eq. 1 of arXiv:2502.03373, appendix C.1, whose runs use 2, 1, -10, 0 and -10;
    the defaults are the milder ones of open-r1. It already rewards being right: give the first reward weight 0.
    The paper's policies learnt to fill the length by repeating themselves: pair it with repetition:ngrams.

    >>> any_problem = Problem(id="a", question="…", gold="12")
    >>> [cosine(any_problem, "…", tokens=n, verdict=Verdict.CORRECT, limit=100) for n in (0, 50, 100)]
    [1.0, 0.75, -1.0]
    >>> [cosine(any_problem, "…", tokens=n, verdict=Verdict.WRONG, limit=100) for n in (0, 50, 100)]
    [-1.0, -0.75, -1.0]
    """
    prepare(limit=limit)
    if verdict is Verdict.UNGRADABLE:  # nobody knows which of the two curves it is on
        return verdict
    if tokens >= limit:
        return exceeded
    short, long = (correct_short, correct_long) if verdict is Verdict.CORRECT else (wrong_short, wrong_long)
    return long + (short - long) * (1 + math.cos(math.pi * tokens / limit)) / 2
