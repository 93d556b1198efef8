"""Where a parser stands in the tokens of an answer, and what stops one that is too deep or too tangled."""

from __future__ import annotations

from fractions import Fraction

from r1rl.answer.lexer import Token, tokens
from r1rl.answer.tree import Node, Unreadable

STEPS = 4000  # of reading: a bracket is tried as a tuple first, so nested ones double the work
DEEPEST = 30  # nested groups; Python's own stack would bear about four times as many


class Cursor:
    """A place in the tokens; every reading method of its children reads one kind of thing and moves on."""

    def __init__(self, text: str) -> None:
        self.tokens = tokens(text)
        self.at = self.depth = self.steps = 0
        self.bars = False  # inside |…| or a set, where a bar closes or divides instead of opening

    def next(self, ahead: int = 0) -> Token:
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else Token("end", "")

    def take(self, *texts: str) -> bool:
        """Move over the next token if it is one of these."""
        if self.next().kind in ("sign", "cmd") and self.next().text in texts:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.take(text):
            raise Unreadable(f"{text!r} is missing before {self.next().text!r}")

    def down(self) -> None:
        self.depth, self.steps = self.depth + 1, self.steps + 1
        if self.steps > STEPS:
            raise Unreadable("more tangled than any answer")
        if self.depth > DEEPEST * 2:  # an atom inside its group counts twice
            raise Unreadable("nested deeper than any answer")


def number(text: str) -> Node:
    """A decimal as the exact number it is; the digits behind an r repeat.

    >>> number("0.50").number, number("2e3").number, number("0.1r6").number
    (Fraction(1, 2), Fraction(2000, 1), Fraction(1, 6))
    """
    start, _, period = text.partition("r")
    value = Fraction(start + "0" if start.endswith(".") else start)
    if period:
        value += Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(start.partition(".")[2]))
    return Node("num", text="" if period else text, number=value)


def written(node: Node) -> str:
    """A name made of an expression, for indices: a_{n+1} is the variable `a_(n+1)`."""
    if node.kind in ("num", "sym", "const"):
        return node.text
    return f"{node.kind}({','.join(map(written, node.parts))}){node.text}"
