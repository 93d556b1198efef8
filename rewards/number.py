"""Judges an answer that is one number: exactly, as a rational, with no floats and no tolerance.

Strict on purpose, because a policy learns to write whatever a lenient judge lets through. Only the answer tags after
the thinking count, nobody searches the text for some other number, and several different answers are a hedge: WRONG.
Units, percent signs, "x =" and sums are not numbers.
"""

import re
from fractions import Fraction

from r1rl.answer.extract import tagged
from r1rl.types import Problem, Verdict

LONGEST = 1000  # characters: the time to read digits into an integer grows faster than their number
PLAIN = str.maketrans("０１２３４５６７８９＋－−．，／", "0123456789+--.,/")
NUMBER = re.compile(
    r"""[+-]? (?: [0-9]+ / 0*[1-9][0-9]*                         # 3/4
                | [1-9][0-9]{0,2} (?: ,[0-9]{3} )+ (?: \.[0-9]+ )?  # 1,000 and 1,000.5, but not 10,00
                | [0-9]+ (?: \.[0-9]+ )?                         # 42 and 0.5
                | \.[0-9]+ )                                     # .5""",
    re.VERBOSE,
)


def correct(problem: Problem, completion: str) -> Verdict:
    """Is the one number in the answer tags the gold number?

    >>> half = Problem(id="a", question="1/4 + 1/4 = ?", gold="0.5")
    >>> correct(half, "<think>2/4</think><answer>1/2</answer>").value
    'correct'
    >>> correct(half, "<think>2/4</think><answer>1/2</answer> or <answer>1/4</answer>").value
    'wrong'
    >>> correct(half, "<think>it is 1/2</think> 1/2").value
    'no_answer'
    """
    gold = _number(problem.gold)
    if gold is None:
        return Verdict.UNGRADABLE
    answers = tagged(completion)
    if not answers:
        return Verdict.NO_ANSWER
    return Verdict.CORRECT if {_number(answer) for answer in answers} == {gold} else Verdict.WRONG


def _number(text: str) -> Fraction | None:
    """The number that the whole text writes, or None.

    >>> _number("−1,000.50."), _number("10,00")
    (Fraction(-2001, 2), None)
    """
    plain = text.strip().translate(PLAIN).removesuffix(".")
    if len(plain) > LONGEST or not NUMBER.fullmatch(plain):
        return None
    return Fraction(plain.replace(",", ""))
