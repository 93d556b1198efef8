r"""Compares two answers that are one expression each: by exact value, under the policy for units, percent and degrees.

Rounding: an exact gold answer wants an exact answer (1.414 is not \sqrt{2}), unless twelve or more digits show that a
computer printed it. A gold decimal of three or more digits may be a rounded number: an exact value that rounds to it
and that no decimal can write is right (gold 33.33, answer 100/3); another decimal is not.
Units: one that is missing on either side is forgiven, two different ones are not. Percent: "28" answers a gold 28%, but
"28%" answers 28 only if the question asks for a percentage; 0.28 and 28% are equal. Degrees: 90 and 90° answer each
other, and 90° is \pi/2. A number in a base is its digits and its base.
"""

from __future__ import annotations

import re
from fractions import Fraction

from r1rl.answer.form import STRICT, Policy, is_literal, refusal
from r1rl.answer.tree import Node
from r1rl.answer.values import exact, same

PRINTED = 12  # significant digits from which on a decimal is taken for the print-out of an exact value
ROUNDED = 3  # significant digits from which on a gold decimal may be a rounded value; with two, 10/13 would be 0.77
FAMILY = set("kmnlj")  # letters for "any whole number", which may be exchanged in an answer with pi in it


def same_scalar(gold: Node, answer: Node, policy: Policy = STRICT) -> bool:
    """Is one expression the right answer where another is the gold one? Raises Unreadable, TooBig.

    >>> from r1rl.answer.reader import read
    >>> [same_scalar(read("28\\\\%"), read(text)) for text in ("28", "0.28", "28 percent", "0.0028")]
    [True, True, True, False]
    >>> same_scalar(read("5 km"), read("5000 m")), same_scalar(read("5"), read("5 km"))
    (False, True)
    """
    (gold, gold_unit), (answer, answer_unit) = _measured(_hoisted(gold)), _measured(_hoisted(answer))
    if gold_unit and answer_unit and gold_unit != answer_unit:
        return False
    if gold.has("base") or answer.has("base"):
        return _digits(gold) == _digits(answer)
    rounded = _is_decimal(gold) and not is_literal(answer) and not answer.has("fn", "fact") and exact(answer) is None
    if refusal(gold, answer, policy) and not rounded:
        return False
    if "rad" in (gold_unit, answer_unit):  # where a degree sign is no manner of writing
        return _same_value(gold, answer, policy)
    return any(_same_value(one, other, policy) for one, other in _readings(gold, answer, policy))


def _readings(gold: Node, answer: Node, policy: Policy) -> list[tuple[Node, Node]]:
    """What may be compared with what: percent and degree signs count, or are left out."""
    marks = (gold.kind if gold.kind in ("pct", "deg") else "", answer.kind if answer.kind in ("pct", "deg") else "")
    readings = [(gold, answer)]
    if (
        marks == ("pct", "")
        or (marks == ("", "pct") and (policy.percentage or policy.lenient))
        or marks in (("deg", ""), ("", "deg"))
    ):
        readings.append((_bare(gold), _bare(answer)))
    return readings


def _same_value(gold: Node, answer: Node, policy: Policy) -> bool:
    if gold.kind == answer.kind and gold.kind in ("pct", "deg"):
        return _same_value(gold.parts[0], answer.parts[0], policy)
    if same(gold, answer):
        return True
    if _is_decimal(gold):
        return _is_longer(answer, gold) if _is_decimal(answer) else _rounds_to(answer, gold, ROUNDED)
    if _is_decimal(answer) and not _is_decimal(gold):
        return _rounds_to(gold, answer, ROUNDED if policy.lenient else PRINTED)
    return _same_family(gold, answer)


def _same_family(gold: Node, answer: Node) -> bool:
    r"""k\pi and n\pi, for whole numbers k and n, are the same family."""
    mine, other = gold.symbols() - answer.symbols(), answer.symbols() - gold.symbols()
    if (
        len(mine) != 1
        or len(other) != 1
        or not mine | other <= FAMILY
        or not (gold.has("const") and answer.has("const"))
    ):
        return False
    return same(gold, renamed(answer, other.pop(), mine.pop()))


def renamed(node: Node, old: str, new: str) -> Node:
    """The tree with one variable renamed."""
    if node.kind == "sym" and node.text == old:
        return Node("sym", text=new)
    return Node(node.kind, tuple(renamed(part, old, new) for part in node.parts), node.text, node.number)


def _rounds_to(value: Node, decimal: Node, digits: int) -> bool:
    """Is the decimal what this value is when rounded to as many places, and no decimal the value itself?"""
    places, target = len(_decimal(decimal).partition(".")[2]), exact(decimal)
    if not places or target is None or _significant(decimal) < digits or value.symbols():
        return False
    worth = exact(value)
    if worth is None:
        return _near(value, decimal, places)
    finite = worth.denominator
    for prime in (2, 5):
        while finite % prime == 0:
            finite //= prime
    return finite != 1 and abs(worth - target) * 10**places <= Fraction(1, 2)


def _is_longer(answer: Node, gold: Node) -> bool:
    """Is a decimal the gold one with more digits, the next two not both 0? 3.1416 for 3.14, and not 3.14000001."""
    mine, other = exact(answer), exact(gold)
    places = len(_decimal(gold).partition(".")[2])
    if (
        mine is None
        or other is None
        or _significant(gold) < ROUNDED
        or len(_decimal(answer).partition(".")[2]) <= places
    ):
        return False
    return Fraction(1, 100) <= abs(mine - other) * 10**places <= Fraction(1, 2)


def _significant(decimal: Node) -> int:
    return len(_decimal(decimal).replace(".", "").lstrip("0"))


def _near(value: Node, decimal: Node, places: int) -> bool:
    import mpmath

    from r1rl.answer.values import value as worth_of

    worth, target = worth_of(value, {}), worth_of(decimal, {})
    if worth is None or mpmath.im(worth) != 0:
        return False
    return bool(abs(worth - target) * mpmath.mpf(10) ** places <= 0.5)


def _decimal(node: Node) -> str:
    return node.text if node.kind == "num" else _decimal(node.parts[0]) if node.parts else ""


def _is_decimal(node: Node) -> bool:
    return node.kind in ("num", "neg", "group", "pct") and is_literal(node) and "." in _decimal(node)


def _bare(node: Node) -> Node:
    return node.parts[0] if node.kind in ("pct", "deg") else node


def _hoisted(node: Node) -> Node:
    """Signs inside, marks outside: -(30°) as (-30)°; brackets around the whole are nothing."""
    while node.kind == "group":
        node = node.parts[0]
    if node.kind == "neg":
        inner = _hoisted(node.parts[0])
        if inner.kind in ("pct", "deg", "unit"):
            return Node(inner.kind, (Node("neg", inner.parts, text="-"),), inner.text)
    return node


def _measured(node: Node) -> tuple[Node, str]:
    """The number and its unit; "" where there is none, or one of the nouns that nobody measures in."""
    if node.kind != "unit":
        return node, ""
    inner, unit = _measured(_hoisted(node.parts[0]))
    name = re.sub(r"\((?:square|sq)\) (\w+)|(\w+) \(squared\)", r"\1\2^2", node.text)
    name = re.sub(r"\((?:cubic|cu)\) (\w+)", r"\1^3", name).replace("(per)", "/").replace(" ", "")
    return _hoisted(inner), "" if "(" in name else unit + name


def _digits(node: Node) -> tuple[str, ...]:
    """A number in a base as what is written; in an expression there is none."""
    if node.kind == "neg":
        return ("-", *_digits(node.parts[0]))
    if node.kind != "base":
        return (node.kind, "no base" if not node.has("base") else str(id(node)))
    return (node.text.lstrip("0"), str(node.parts[0].number), node.parts[0].text)
