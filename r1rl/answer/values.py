"""What an expression is worth: exactly, as a fraction, where it is one; otherwise to as many digits as it takes.

Two expressions are the same if they agree at several points to 60 digits beyond their magnitude (Schwartz-Zippel, in
practice): fast, no simplifier to hang, and a false agreement of two short expressions is out of reach. A tolerance for
rounding there is none. Unknown functions get a value that depends on nothing but their name and arguments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from r1rl.answer.tree import Node, TooBig, Unreadable

BITS = 20_000  # of an exact number, about 6,000 digits
POINTS = 5
DIGITS = 60
MORE_DIGITS = 1000  # at most: a number of that many digits before the point

Point = Mapping[str, Any]


def exact(node: Node) -> Fraction | None:
    """The value as a fraction, or None if it has none by arithmetic alone. Raises TooBig.

    >>> from r1rl.answer.reader import read
    >>> exact(read("2^{-3} + 1")), exact(read("\\\\sqrt{4}")), exact(read("x"))
    (Fraction(9, 8), None, None)
    """
    if node.kind == "num":
        return node.number
    if node.kind not in ("add", "mixed", "mul", "div", "neg", "pow", "group", "unit", "pct"):
        return None
    values = [exact(part) for part in node.parts]
    if any(value is None for value in values):
        return None
    return _combined(node.kind, [value for value in values if value is not None])


def _combined(kind: str, values: list[Fraction]) -> Fraction | None:
    if kind in ("add", "mixed"):
        return sum(values, Fraction(0))
    if kind == "neg":
        return -values[0]
    if kind == "pct":
        return values[0] / 100
    if kind in ("group", "unit"):
        return values[0]
    if kind == "pow":
        return _power(*values)
    if kind == "div" and values[1] == 0:
        raise Unreadable("a division by zero")
    return _bounded(values[0] * values[1] if kind == "mul" else values[0] / values[1])


def _bounded(value: Fraction) -> Fraction:
    if value.numerator.bit_length() + value.denominator.bit_length() > BITS:
        raise TooBig("a number of thousands of digits")
    return value


def _power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if exponent.denominator != 1:
        return None
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * bits > BITS:
        raise TooBig("a power of thousands of digits")
    if base == 0 and exponent <= 0:
        raise Unreadable("a power of zero that is not defined")
    if bits <= 1:  # 1, -1 and 0, to any power
        return base if exponent % 2 else base * base
    return base ** int(exponent)


def same(left: Node, right: Node) -> bool:
    """Have two expressions the same value, whatever their variables are? Raises TooBig.

    >>> from r1rl.answer.reader import read
    >>> same(read("(x+1)^2"), read("x^2+2x+1")), same(read("\\\\sqrt{8}"), read("2.8284271247461903"))
    (True, False)
    """
    a, b = exact(left), exact(right)
    if a is not None and b is not None:
        return a == b
    if infinite(left) or infinite(right):
        return infinite(left) == infinite(right)
    names = sorted(left.symbols() | right.symbols())
    verdicts = [_agree(left, right, point) for point in points(names)]
    return False not in verdicts and verdicts.count(True) >= min(2, len(verdicts))


def infinite(node: Node) -> int:
    """1 for infinity, -1 for minus infinity, 0 for everything else."""
    if node.kind in ("neg", "group"):
        return infinite(node.parts[0]) * (-1 if node.kind == "neg" else 1)
    return int(node.kind == "const" and node.text == "oo")


def points(names: list[str]) -> list[dict[str, Any]]:
    """Where to compare: positive values first, then of both signs, always the same for the same names."""
    import mpmath

    def coordinate(name: str, number: int) -> Any:
        digest = hashlib.sha256(f"{name} {number}".encode()).digest()
        size = mpmath.mpf(int.from_bytes(digest[:16], "big")) / 2**128 * 2 + mpmath.mpf(1) / 3
        size *= (1, 4, 0.25, 1, 3)[number]
        return -size if number >= POINTS - 2 and digest[16] % 2 else size

    with mpmath.workdps(DIGITS):
        return [{name: coordinate(name, number) for name in names} for number in range(POINTS if names else 1)]


def value(node: Node, point: Point, digits: int = DIGITS) -> Any:
    """The value at a point, a number of mpmath; None where it has none. Raises TooBig."""
    import mpmath

    from r1rl.answer.numeric import evaluate

    try:
        with mpmath.workdps(digits):
            worth = evaluate(node, point)
            return worth if mpmath.isfinite(worth) else None
    except ArithmeticError:
        return None
    except (ValueError, TypeError, NotImplementedError) as error:
        raise Unreadable(f"no value: {error}") from error


def _agree(left: Node, right: Node, point: Point) -> bool | None:
    """Equal at this point but for the last digits of the working precision; None if there is no value to compare.

    The digits before the point are worked out on top of those after it, or 10^100 + 1 would be 10^100.
    """
    import mpmath

    digits = DIGITS
    for _ in range(2):
        x, y = value(left, point, digits), value(right, point, digits)
        if x is None or y is None:
            return None
        size = max(abs(x), abs(y))
        if abs(x - y) > size / 10**9:  # settled without another digit
            break
        before = max(0, int(mpmath.log10(size))) if size else 0
        if before > MORE_DIGITS:
            raise TooBig("a number of thousands of digits")
        if digits >= DIGITS + before:
            break
        digits = DIGITS + before + 5
    with mpmath.workdps(digits):
        equal = bool(abs(x - y) <= size * mpmath.mpf(10) ** (15 - digits))
    return (
        None
        if not equal and point and (_complex(x) or _complex(y)) and not (_imaginary(left) or _imaginary(right))
        else equal
    )


def _imaginary(node: Node) -> bool:
    return any(part.kind == "const" and part.text == "i" for part in node.walk())


def _complex(worth: Any) -> bool:
    """Off the real line: there two right ways to write a root differ, by their branch."""
    import mpmath

    return bool(mpmath.im(worth) != 0)
