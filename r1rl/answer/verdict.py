"""The verdict on one answer: a fast path for plain numbers, then the reader, then math-verify for what it cannot read.

`judge` is total: whatever the two texts are, it says CORRECT, WRONG, NO_ANSWER or UNGRADABLE, and why.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from r1rl.answer import choices, prose
from r1rl.answer.compare import SCALARS, Comparison
from r1rl.answer.form import Policy, is_literal, restates
from r1rl.answer.gold import mended, unreadable
from r1rl.answer.piecewise import table
from r1rl.answer.reader import read
from r1rl.answer.renaming import renamings
from r1rl.answer.surface import LONGEST, compact
from r1rl.answer.tree import Node, TooBig, Unreadable
from r1rl.types import Judgement, Verdict

PLAIN = re.compile(
    r"(-?)([0-9]{1,400}(?:\.[0-9]{1,400})?)(?:/([0-9]{1,400}))?|(-?)\\[dt]?frac\{(-?[0-9]{1,400})\}\{([0-9]{1,400})\}"
)
PERCENTAGE = re.compile(r"(?i)percent|%|\bpct\b")


def judge(gold: str, answer: str, question: str = "", lenient: bool = False) -> Judgement:
    r"""Is an answer (what stood in the box) the gold answer?

    >>> judge(r"\frac{1}{2}", "0.5").verdict.value, judge("42", "40+2").detail
    ('correct', 'not the gold answer, or not in a form that is accepted')
    >>> judge("", "42").verdict.value, judge("42", " ").verdict.value
    ('ungradable', 'no_answer')
    """
    one, other = plain(gold), plain(answer)
    if one is not None and other is not None and (one == other or "." not in gold + answer):
        return Judgement.of(Verdict.CORRECT) if one == other else Judgement.of(Verdict.WRONG, "another number")
    gold = mended(gold) if isinstance(gold, str) else gold
    if reason := unreadable(gold):
        return Judgement.of(Verdict.UNGRADABLE, f"gold answer: {reason}")
    if not answer.strip():
        return Judgement.of(Verdict.NO_ANSWER, "an empty answer")
    if len(answer) > LONGEST or len(gold) > LONGEST:
        same = answer.strip() == gold.strip()
        return Judgement.of(Verdict.CORRECT if same else Verdict.WRONG, f"longer than {LONGEST} characters")
    policy = Policy(percentage=bool(PERCENTAGE.search(question[:LONGEST])), lenient=lenient)
    return _chosen(gold, answer, question, policy) or _compared(gold, answer, question, policy)


def plain(text: str) -> Fraction | None:
    """A number that needs no reading.

    >>> plain("-3/4"), plain("1.50"), plain("1,000")
    (Fraction(-3, 4), Fraction(3, 2), None)
    """
    match = PLAIN.fullmatch(text.strip())
    if match is None:
        return None
    sign, digits, divisor, front, above, below = match.groups()
    if digits is None:
        return (
            Fraction(int(front + above if above[0] != "-" or not front else above[1:]), int(below))
            if int(below)
            else None
        )
    if divisor is not None and not int(divisor):
        return None
    value = Fraction(digits) if "." in digits else Fraction(int(digits))
    return (-value if sign else value) / (int(divisor) if divisor else 1)


def _chosen(gold: str, answer: str, question: str, policy: Policy) -> Judgement | None:
    """Where a side is the label of a choice with its worth: what both sides have must agree; None if none is."""
    (letter, worth), (mine, value) = choices.split(gold), choices.split(answer)
    if not ((letter and worth) or (mine and value)):
        return None
    if letter and mine and letter != mine:
        return Judgement.of(Verdict.WRONG, "another choice")
    if worth and value:
        return _compared(worth, value, question, policy)
    return Judgement.of(Verdict.CORRECT, "the same choice") if letter and mine else None


def _compared(gold: str, answer: str, question: str, policy: Policy) -> Judgement:
    if compact(gold) == compact(answer):
        return Judgement.of(Verdict.CORRECT, "the same text")
    if agreed := prose.agreement(gold, answer):
        return Judgement.of(Verdict.CORRECT, agreed)
    if pieces := table(gold):
        return _piece_by_piece(pieces, table(answer), question, policy)
    try:
        tree = _gold(_point(gold, answer))
    except Unreadable as error:
        return _asked_elsewhere(gold, answer, str(error))
    try:
        mine = read(_point(answer, gold))
        same = Comparison(policy).same
        right = same(tree, mine) or any(
            same(tree, other) for other in renamings(tree, mine, question[:20_000], gold + answer)
        )
    except Unreadable as error:
        return Judgement.of(Verdict.WRONG, f"cannot be read: {error}")
    except TooBig as error:
        return Judgement.of(Verdict.WRONG, f"cannot be worked out: {error}")
    if (
        right
        and not policy.lenient
        and mine.kind in SCALARS
        and not is_literal(mine)
        and restates(question, gold, answer)
    ):
        return Judgement.of(Verdict.WRONG, "a passage of the question, not worked out")
    return (
        Judgement.of(Verdict.CORRECT)
        if right
        else Judgement.of(Verdict.WRONG, "not the gold answer, or not in a form that is accepted")
    )


def _piece_by_piece(gold: list[list[str]], answer: list[list[str]], question: str, policy: Policy) -> Judgement:
    """Every cell of one table against that of the other."""
    same = [len(row) for row in gold] == [len(row) for row in answer] and all(
        _compared(mine, theirs, question, policy).verdict is Verdict.CORRECT
        for row, others in zip(gold, answer, strict=True)
        for mine, theirs in zip(row, others, strict=True)
    )
    return Judgement.of(Verdict.CORRECT if same else Verdict.WRONG, "piece by piece")


@lru_cache(maxsize=1024)
def _gold(text: str) -> Node:
    return read(text)


def _point(text: str, gold: str) -> str:
    """3,75 as 3.75 where the gold answer is a decimal too, and 0,75 anywhere: the comma of half the world."""
    comma = re.fullmatch(r"\s*(-?[0-9]+),([0-9]+)\s*", text)
    if comma and ("," not in gold) and (comma[1].lstrip("-") == "0" or re.fullmatch(r"-?[0-9]+\.[0-9]+", gold.strip())):
        return f"{comma[1]}.{comma[2]}"
    return text


def _asked_elsewhere(gold: str, answer: str, why: str) -> Judgement:
    from r1rl.answer.symbolic import same_by_math_verify

    right = same_by_math_verify(gold, answer)
    return Judgement.of(Verdict.CORRECT if right else Verdict.WRONG, f"by math-verify, since here {why}")
