"""Equations and inequalities between expressions: the same up to a factor."""

from __future__ import annotations

from r1rl.answer.tree import Node
from r1rl.answer.values import DIGITS, POINTS, points, same, value


def near(rounded: Node, worth: Node) -> bool:
    if rounded.symbols() or worth.symbols():
        return False
    one, other = value(rounded, {}), value(worth, {})
    return one is not None and other is not None and bool(abs(one - other) <= abs(other) / 50)


def turned(node: Node) -> Node:
    """b > a for a < b."""
    swap = str.maketrans("<>", "><")
    return Node("relation", node.parts[::-1], " ".join(node.text.translate(swap).split()[::-1]))


def interval(node: Node) -> Node | None:
    """The interval that a chain of two inequalities about one name says, or an interval itself; None for the rest."""
    if node.kind == "bracket":
        return node
    signs = node.text.split()
    if node.kind == "relation" and signs and signs[0][0] == ">":
        node = turned(node)
        signs = node.text.split()
    if node.kind != "relation" or len(signs) != 2 or not set(signs) <= {"<", "<="} or node.parts[1].kind != "sym":
        return None
    ends = "(["[signs[0] == "<="] + ")]"[signs[1] == "<="]
    return Node("bracket", (node.parts[0], node.parts[2]), text=ends)


def proportional(gold: Node, answer: Node, positive: bool = False) -> bool:
    """Is one difference of the two sides a multiple of the other, at every point? And not zero everywhere."""
    import mpmath

    one, other = (Node("add", (node.parts[0], Node("neg", (node.parts[1],)))) for node in (gold, answer))
    if len(gold.parts) != 2 or len(answer.parts) != 2 or one.symbols() != other.symbols():
        return False
    with mpmath.workdps(DIGITS):
        values = [(value(one, point), value(other, point)) for point in points(sorted(one.symbols()))]
        factors = [a / b for a, b in values if a is not None and b and a]
        if len(factors) < POINTS - 2 or len(factors) < len([1 for a, b in values if a is not None and b is not None]):
            return False
        spread = max(abs(factor - factors[0]) for factor in factors)
        return bool(spread <= abs(factors[0]) * mpmath.mpf(10) ** (20 - DIGITS)) and (
            not positive or mpmath.re(factors[0]) > 0
        )


def equal_worth(left: Node, right: Node) -> bool:
    return left == right or same(left, right)
