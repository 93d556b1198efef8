"""Evaluates an expression at a point with mpmath, to the working precision of the caller; loaded on first need only."""
# ruff: noqa: SIM905 - a list of words reads better without a quotation mark around each

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import mpmath

from r1rl.answer.tree import Node, TooBig, Unreadable

LARGEST = 20_000  # of a power's natural logarithm, and the argument of a factorial


def evaluate(node: Node, point: Mapping[str, Any]) -> Any:
    """The value of an expression where the variables have these values. Raises Unreadable, TooBig, ArithmeticError."""
    if node.kind == "num":
        return mpmath.mpf(node.number.numerator) / node.number.denominator
    if node.kind == "sym":
        return point[node.text]
    if node.kind == "const":
        return CONSTANTS[node.text]()
    if node.kind == "set_name":  # as in Z/2Z: nothing is known but its name
        return _unknown(node.text, [mpmath.mpf(1)])
    if node.kind not in OPERATIONS and node.kind not in ("fn", "call"):
        raise Unreadable(f"a {node.kind} has no value")
    values = [evaluate(part, point) for part in node.parts]
    if node.kind == "fn":
        return _function(node.text, values)
    return _unknown(node.text, values) if node.kind == "call" else OPERATIONS[node.kind](*values)


def _power(base: Any, exponent: Any) -> Any:
    if base == 0:
        if mpmath.re(exponent) <= 0:
            raise ZeroDivisionError
        return mpmath.mpf(0)
    if abs(exponent) > 10**9 or abs(exponent * mpmath.log(base)) > LARGEST:
        raise TooBig("a power of thousands of digits")
    return mpmath.power(base, exponent)


def _root(radicand: Any, degree: Any) -> Any:
    """The real root of a negative number where there is one: the cube root of -8 is -2, as in school."""
    if degree == 3 or degree == 5:
        real = not isinstance(radicand, mpmath.mpc) or radicand.imag == 0
        if real and mpmath.re(radicand) < 0:
            return -mpmath.root(-mpmath.re(radicand), int(degree))
    return mpmath.sqrt(radicand) if degree == 2 else _power(radicand, 1 / degree)


def _check_small(*values: Any) -> None:
    """mpmath's factorial takes minutes at thousands of digits, where the argument is no integer."""
    if mpmath.mp.dps > 200 and not all(mpmath.isint(value) for value in values):
        raise TooBig("a factorial to hundreds of digits")
    if max(abs(value) for value in values) > 2000:
        raise TooBig("a factorial of thousands of digits")


def _factorial(value: Any) -> Any:
    _check_small(value)
    return mpmath.factorial(value)


def _binomial(n: Any, k: Any) -> Any:
    _check_small(n, k)
    return mpmath.binomial(n, k)


def _exp(value: Any) -> Any:
    return _power(mpmath.e, value)


def _unknown(name: str, values: list[Any]) -> Any:
    """A number that stands for f(x): the same for the same name and value, and for nothing else."""
    digest = hashlib.sha256(name.encode()).digest()
    seed = mpmath.mpf(int.from_bytes(digest[:16], "big")) / 2**127
    for number, value in enumerate(values):
        if abs(value) > 10**6:
            raise TooBig("a large argument of an unknown function")
        seed = mpmath.sin(seed + value * (number + mpmath.sqrt(2))) + mpmath.sqrt(3)
    return seed


def _log(value: Any, base: Any = None) -> Any:
    return mpmath.log(value) / (1 if base is None else mpmath.log(base))


def _function(name: str, values: list[Any]) -> Any:
    known = FUNCTIONS.get(name)
    if known is None or (len(values) != 1 and name not in (r"\log", r"\binom")):
        return _unknown(name, values)
    if any(abs(value) > 10**6 for value in values) and name not in (r"\ln", r"\log"):
        raise TooBig("a large argument of a function")
    return known(*values)


CONSTANTS: dict[str, Callable[[], Any]] = {
    "pi": lambda: +mpmath.pi,
    "e": lambda: +mpmath.e,
    "i": lambda: mpmath.mpc(0, 1),
    "oo": lambda: mpmath.inf,
}
OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda *values: mpmath.fsum(values),
    "mixed": lambda whole, part: whole + part,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "group": lambda a: a,
    "unit": lambda a: a,
    "pct": lambda a: a / 100,
    "deg": lambda a: a * mpmath.pi / 180,
    "abs": abs,
    "pow": _power,
    "root": _root,
    "fact": _factorial,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{f"\\{name}": getattr(mpmath, name) for name in "sin cos tan cot sec csc sinh cosh tanh coth".split()},
    **{f"\\arc{name}": getattr(mpmath, "a" + name) for name in "sin cos tan cot sec csc sinh cosh tanh".split()},
    **{f"\\ar{name}": getattr(mpmath, "a" + name) for name in "sinh cosh tanh".split()},
    r"\ln": _log,
    r"\log": _log,
    r"\lg": lambda value: mpmath.log10(value),
    r"\exp": _exp,
    r"\binom": _binomial,
}
