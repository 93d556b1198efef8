"""Negative controls: rewards that know nothing. A run that improves on one of them improves for another reason.

Qwen2.5 models gain on MATH-500 even from random rewards (arXiv:2506.10947), so a gain is worth something only beside
its control. Never the first reward of a recipe, which judges right and wrong: give that one weight 0 and these 1.
"""

import hashlib

from r1rl.types import Problem


def coin(problem: Problem, completion: str) -> float:
    """1.0 or 0.0 by a coin that does not look at correctness.

    The coin is a hash of the problem and the text, so that a run can be repeated exactly. The price: identical
    completions of a problem get the same reward, and a group of nothing else gives no signal.

    >>> any_problem = Problem(id="a", question="1 + 1 = ?", gold="2")
    >>> [coin(any_problem, f"<answer>{n}</answer>") for n in range(6)]
    [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]
    """
    return float(hashlib.sha256(f"{problem.id}\0{completion}".encode()).digest()[0] % 2)


def constant(problem: Problem, completion: str) -> float:
    """1.0 for everything: every group is flat, so nothing may change but what the KL term changes."""
    return 1.0
