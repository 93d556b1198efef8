r"""Judges an answer that is an expression for a game of Countdown (see r1rl.data.countdown).

An expression from a policy is hostile input. Scorers that check it with a regular expression and hand it to `eval` have
accepted `2*1.5` for the numbers 2, 1, 5, accepted `7//2`, and hung on `9**9**9`. Here it is parsed and never run, only
whole numbers and + - * / exist, and the arithmetic is exact. Signs in front of a number are refused: the game has none.
The question asks for + - * / and an expression, so there is one way to write one: `2×3`, `2 \times 3` and `2*3 = 6` are
not it. A policy learns that at once, while every further way to write is a further way to cheat.
"""

import ast
import operator
import re
from fractions import Fraction
from typing import TypeGuard

from r1rl.answer.extract import tagged
from r1rl.types import Problem, Verdict

LONGEST = 100  # characters: three times an honest answer, and too few to nest deeply or to make large numbers
EXPRESSION = re.compile(r"[0-9+\-*/() ]+")
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def correct(problem: Problem, completion: str) -> Verdict:
    """Does the expression in the answer tags use each number once and make the target?

    >>> game = Problem(id="a", question="…", gold="63", meta={"numbers": [3, 7, 12]})
    >>> correct(game, "<think>12-3=9 9*7=63</think><answer>(12-3)*7</answer>").value
    'correct'
    >>> correct(game, "<think>7*9</think><answer>7*9</answer>").value
    'wrong'
    """
    numbers = problem.meta.get("numbers")
    if not _are_numbers(numbers) or not re.fullmatch("[0-9]{1,20}", problem.gold):
        return Verdict.UNGRADABLE
    answers = tagged(completion)
    if not answers:
        return Verdict.NO_ANSWER
    values = {_value(answer, numbers) for answer in answers}
    return Verdict.CORRECT if values == {Fraction(problem.gold)} else Verdict.WRONG


def _are_numbers(meta: object) -> TypeGuard[list[int] | tuple[int, ...]]:
    """Whole numbers that an expression can hold: none below zero, since the game has no signs."""
    return isinstance(meta, list | tuple) and bool(meta) and all(type(number) is int and number >= 0 for number in meta)


def _value(text: str, numbers: list[int] | tuple[int, ...]) -> Fraction | None:
    """The value of an expression that plays by the rules, or None.

    >>> _value("(12-3)/7", [3, 7, 12]), _value("12*7", [3, 7, 12])
    (Fraction(9, 7), None)
    """
    text = text.strip()
    if len(text) > LONGEST or not EXPRESSION.fullmatch(text):
        return None
    try:
        tree = ast.parse(text, mode="eval")
        constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        used = sorted(value for value in constants if isinstance(value, int))
        return _evaluate(tree.body) if used == sorted(numbers) else None
    except (SyntaxError, ValueError, ZeroDivisionError):
        return None


def _evaluate(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            return OPERATORS[type(sign)](_evaluate(left), _evaluate(right))
    raise ValueError(f"{type(node).__name__} is not part of the game")
