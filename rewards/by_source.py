"""The judge of a mixture: each problem says by `meta["judge"]`, a module:function of this room, who judges it."""

from __future__ import annotations

import importlib
from functools import cache

from r1rl.types import Judgement, Problem, RewardFn, Verdict


def correct(problem: Problem, completion: str) -> Judgement | Verdict | float:
    """What the problem's own judge says.

    >>> sum = Problem(id="a", question="1+1", gold="2", meta={"judge": "number:correct"})
    >>> correct(sum, "<think>1+1</think><answer>2</answer>").value
    'correct'
    """
    return _judge(str(problem.meta["judge"]))(problem, completion)


@cache
def _judge(name: str) -> RewardFn:
    module, _, function = name.partition(":")
    found: RewardFn = getattr(importlib.import_module(f"{__package__}.{module}"), function)
    return found
