r"""Did the policy write in the form it was asked for? Three forms, each all or nothing: a share of a form is no form.

r1_zero is the format reward of DeepSeek-R1-Zero (arXiv:2501.12948, section 2.2), r1 the form that DeepSeek-R1's chat
template asks for, boxed the same with the answer in a \boxed{}. Where the template has written the beginning of the
answer itself (R1's ends in `<think>\n`), what is judged begins with that: see r1rl.chat.opening.
"""

import re

from r1rl.answer.extract import boxed as boxes
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
    before, thinking, between, answer, after = pieces[::2]
    outside = (before + between + after).strip()
    return float(_is_visible(thinking) and _is_visible(answer) and not outside)


def r1(problem: Problem, completion: str) -> float:
    """1.0 if the whole completion is one `<think>…</think>`, then an answer without tags, neither of them blank.

    >>> any_problem = Problem(id="a", question="7 + 5 = ?", gold="12")
    >>> r1(any_problem, "<think>7+5=12</think> It is 12."), r1(any_problem, "7+5=12</think> 12")
    (1.0, 0.0)
    """
    pieces = TAG.split(completion)
    if pieces[1::2] != ["<think>", "</think>"]:
        return 0.0
    before, thinking, answer = pieces[::2]
    return float(_is_visible(thinking) and _is_visible(answer) and not before.strip())


def boxed(problem: Problem, completion: str) -> float:
    r"""1.0 if `r1` holds and exactly one \boxed{…} stands after the thinking; it is closed and not blank.

    >>> any_problem = Problem(id="a", question="7 + 5 = ?", gold="12")
    >>> boxed(any_problem, r"<think>7+5=12</think> It is \boxed{12}.")
    1.0
    >>> boxed(any_problem, r"<think>7+5=12</think> It is \boxed{12}, or \boxed{21}.")
    0.0
    """
    found = boxes(completion)
    return r1(problem, completion) if len(found) == 1 and _is_visible(found[0]) else 0.0


def _is_visible(text: str) -> bool:
    """Not blank, and not blank to the eye: a zero-width space is no thought."""
    return any(char.isprintable() and not char.isspace() for char in text)
