r"""Sets of real numbers: intervals, inequalities in one unknown, unions, exclusions, set builders.

All of them become a list of pieces (low end, is it in, high end, is it in) in ascending order, merged where they
touch, so that `[0,1)`, `0 \le x < 1` and `\{x : 0 \le x < 1\}` are the same list.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from r1rl.answer.tree import Node, Unreadable
from r1rl.answer.values import DIGITS, infinite, value

INEQUALITIES = {"<", "<=", ">", ">=", "!="}
UNKNOWN = "?"


class Piece(NamedTuple):
    low: Any
    low_in: bool
    high: Any
    high_in: bool


def is_region(node: Node) -> bool:
    """Can this be nothing but a set of numbers, or a condition for one?"""
    if node.kind in ("bracket", "union", "setminus", "cap", "builder", "set_name"):
        return True
    if node.kind == "relation":
        signs = set(node.text.split())
        return signs <= INEQUALITIES or signs == {"in"}
    alternatives = node.kind == "list" and any(is_region(part) for part in node.parts)
    return alternatives and all(is_region(part) or part.text == "=" for part in node.parts)


def same_region(left: Node, right: Node) -> bool:
    """Are two sets of numbers the same? Raises Unreadable if either is none.

    >>> from r1rl.answer.reader import read
    >>> same_region(read("-x > -1"), read(r"(-\\\\infty, 1)")), same_region(read("[0,1]"), read("0 < x < 1"))
    (True, False)
    """
    import mpmath

    with mpmath.workdps(DIGITS):
        one, other = _merged(region(left)), _merged(region(right))
        return len(one) == len(other) and all(_same_piece(a, b) for a, b in zip(one, other, strict=True))


def region(node: Node) -> list[Piece]:
    """The pieces of a set of numbers."""
    if node.kind in ("bracket", "tuple") and len(node.parts) == 2:
        low, high = (_number(part) for part in node.parts)
        return (
            [Piece(low, node.text[:1] == "[" and _finite(low), high, node.text[1:] == "]" and _finite(high))]
            if low <= high
            else []
        )
    if node.kind == "set":
        points = [_number(part) for part in node.parts]
        return [Piece(point, True, point, True) for point in points]
    if node.kind == "set_name" and node.text == "R":
        return [_everything()]
    if node.kind == "union":
        return region(node.parts[0]) + region(node.parts[1])
    if node.kind == "cap":
        return _common(region(node.parts[0]), region(node.parts[1]))
    if node.kind == "setminus":
        return _common(region(node.parts[0]), _complement(region(node.parts[1])))
    if node.kind == "builder":
        return region(node.parts[1])
    if node.kind == "list":
        return _listed(node)
    if node.kind == "relation":
        return _solved(node)
    raise Unreadable(f"a {node.kind} is no set of numbers")


def _listed(node: Node) -> list[Piece]:
    """Conditions that all hold or, if nothing fulfils them all, alternatives; intervals always are alternatives."""
    parts = [part for part in node.parts if not (part.text == "in" and part.parts[1].kind == "set_name")] or node.parts
    regions = [region(part) for part in parts]
    everywhere = [_everything()]
    if node.text != "or" and all(
        part.kind == "relation" and not {"in", "="} & set(part.text.split()) for part in parts
    ):
        for pieces in regions:
            everywhere = _common(everywhere, pieces)
        if everywhere:
            return everywhere
    return [piece for pieces in regions for piece in pieces]


def _solved(node: Node) -> list[Piece]:
    signs = node.text.split()
    if signs[0] == "in" and len(signs) == 1:
        return region(node.parts[1])
    if signs == ["="] and node.parts[0].kind == "sym":
        return region(Node("set", node.parts[1:]))
    if not set(signs) <= INEQUALITIES:
        raise Unreadable("not a condition for a number")
    unknown = _unknown(node)
    pieces = [_everything()]
    for left, sign, right in zip(node.parts, signs, node.parts[1:], strict=False):
        pieces = _common(pieces, _half_line(left, sign, right, unknown))
    return _unfolded(pieces) if unknown.kind == "abs" else pieces


def _unknown(node: Node) -> Node:
    """What an inequality is about: |x|, f(x), or its only variable."""
    for kind in ("abs", "call"):
        found = {part for part in node.walk() if part.kind == kind}
        if len(found) == 1 and not any(part.symbols() for part in node.parts if part not in found):
            return found.pop()
    symbols = node.symbols()
    if len(symbols) != 1:
        raise Unreadable("a condition for several numbers")
    return Node("sym", text=symbols.pop())


def _half_line(left: Node, sign: str, right: Node, unknown: Node) -> list[Piece]:
    """Where a linear inequality holds: its difference at 0 and 1 says where it crosses zero."""
    import mpmath

    if infinite(left) or infinite(right):
        return [_everything()]
    difference = Node("add", (_with(left, unknown), Node("neg", (_with(right, unknown),))))
    at = [value(difference, {UNKNOWN: mpmath.mpf(x)}) for x in (0, 1, 3)]
    if None in at or not all(_finite(y) for y in at):
        raise Unreadable("a condition that is not linear")
    slope = at[1] - at[0]
    if abs(at[2] - at[0] - 3 * slope) > mpmath.mpf(10) ** (20 - DIGITS) or slope == 0:
        raise Unreadable("a condition that is not linear")
    root, infinity = -at[0] / slope, mpmath.inf
    if sign == "!=":
        return _complement([Piece(root, True, root, True)])
    closed = sign.endswith("=")
    above = sign.startswith(">") == (slope > 0)
    return [Piece(root, closed, infinity, False) if above else Piece(-infinity, False, root, closed)]


def _with(node: Node, unknown: Node) -> Node:
    if node == unknown:
        return Node("sym", text=UNKNOWN)
    return Node(node.kind, tuple(_with(part, unknown) for part in node.parts), node.text, node.number)


def _unfolded(pieces: list[Piece]) -> list[Piece]:
    """From the values of |x| to those of x."""
    import mpmath

    positive = _common(pieces, [Piece(mpmath.mpf(0), True, mpmath.inf, False)])
    return positive + [Piece(-piece.high, piece.high_in, -piece.low, piece.low_in) for piece in positive]


def _everything() -> Piece:
    import mpmath

    return Piece(-mpmath.inf, False, mpmath.inf, False)


def _number(node: Node) -> Any:
    import mpmath

    if infinite(node):
        return mpmath.inf * infinite(node)
    worth = value(node, {}) if not node.symbols() else None
    if worth is None or not _finite(worth):
        raise Unreadable("an end that is no number")
    return worth


def _finite(worth: Any) -> bool:
    import mpmath

    return bool(mpmath.isfinite(worth)) and not isinstance(worth, mpmath.mpc)


def _common(left: list[Piece], right: list[Piece]) -> list[Piece]:
    found = []
    for a in left:
        for b in right:
            low, low_in = max((a.low, not a.low_in), (b.low, not b.low_in))
            high, high_in = min((a.high, a.high_in), (b.high, b.high_in))
            if low < high or (low == high and not low_in and high_in):
                found.append(Piece(low, not low_in, high, high_in))
    return found


def _complement(pieces: list[Piece]) -> list[Piece]:
    rest = [_everything()]
    for piece in pieces:
        whole = _everything()
        outside = [
            Piece(whole.low, False, piece.low, not piece.low_in),
            Piece(piece.high, not piece.high_in, whole.high, False),
        ]
        rest = _common(rest, [side for side in outside if side.low < side.high])
    return rest


def _merged(pieces: list[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.low, not piece.low_in)):
        last = found[-1] if found else None
        if last and (piece.low < last.high or (_close(piece.low, last.high) and (piece.low_in or last.high_in))):
            high, high_in = max((last.high, last.high_in), (piece.high, piece.high_in))
            found[-1] = Piece(last.low, last.low_in, high, high_in)
        else:
            found.append(piece)
    return found


def _same_piece(a: Piece, b: Piece) -> bool:
    return (a.low_in, a.high_in) == (b.low_in, b.high_in) and _close(a.low, b.low) and _close(a.high, b.high)


def _close(x: Any, y: Any) -> bool:
    import mpmath

    if x == y:
        return True
    return _finite(x) and _finite(y) and bool(abs(x - y) <= max(abs(x), abs(y)) * mpmath.mpf(10) ** (20 - DIGITS))
