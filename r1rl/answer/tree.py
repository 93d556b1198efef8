"""The noun of this package: an answer as a tree, and the two ways in which reading or working it out can fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction


class Unreadable(Exception):
    """The text is not an answer this package can read; says why."""


class TooBig(Exception):
    """Working out this value would take more time or memory than any honest answer needs."""


@dataclass(frozen=True)
class Node:
    """One part of an answer.

    >>> half = Node("div", (Node("num", number=Fraction(1), text="1"), Node("num", number=Fraction(2), text="2")))
    >>> half.kind, half.parts[1].number
    ('div', Fraction(2, 1))
    """

    kind: str
    parts: tuple[Node, ...] = ()
    text: str = ""  # a name, a unit, an operator, or the digits as they were written
    number: Fraction = Fraction(0)  # of a "num" only

    def walk(self) -> Iterator[Node]:
        """This node and everything under it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def has(self, *kinds: str) -> bool:
        return any(node.kind in kinds for node in self.walk())

    def symbols(self) -> set[str]:
        """The names of its variables."""
        return {node.text for node in self.walk() if node.kind == "sym"}
