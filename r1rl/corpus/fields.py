"""What several sets have in common: how a field of the hub's rows becomes one of the layout."""

from __future__ import annotations

from typing import Any


def one_answer(answer: Any) -> Any:
    """The text of a list of one. A longer list stays a list: which of its texts is meant is not for us to guess.

    >>> one_answer(["2"]), one_answer("2"), one_answer(["2", "3"])
    ('2', '2', ['2', '3'])
    """
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def last_box(solution: str) -> str:
    r"""What the last \boxed{} of a solution holds; "" if there is none.

    >>> last_box(r"so $\boxed{3}$, in all \boxed{\frac{1}{2}}"), last_box("none")
    ('\\frac{1}{2}', '')
    """
    from r1rl.answer.extract import last_boxed

    return last_boxed(solution) or ""
