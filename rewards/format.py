"""Did the policy write in the form it was asked for? The format reward of DeepSeek-R1-Zero (arXiv:2501.12948)."""

import re

from r1rl.types import Problem

TAG = re.compile(r"(</?(?:think|answer)>)")


def r1_zero(problem: Problem, completion: str) -> float:
    """1.0 if the whole completion is one `<think>…</think>`, then one `<answer>…</answer>`, neither of them blank.

    >>> any_problem = Problem(id="a", question="7 + 5 = ?", gold="12")
    >>> r1_zero(any_problem, "<think>7+5=12</think> <answer>12</answer>")
    1.0
    >>> r1_zero(any_problem, "<think>7+5=12</think> The answer: <answer>12</answer>")
    0.0
    """
    pieces = TAG.split(completion)
    if pieces[1::2] != ["<think>", "</think>", "<answer>", "</answer>"]:
        return 0.0
    before, thinking, between, answer, after = (text.strip() for text in pieces[::2])
    return float(bool(thinking and answer) and not (before or between or after))
