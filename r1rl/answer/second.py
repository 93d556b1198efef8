r"""A second opinion, independent of the judge: strings only, in the spirit of the graders of Hendrycks and prm800k.

It shares no code with the reader, so that a fault of one is not a fault of both. It knows far less and says so: True if
the normal forms are the same text or the same number, False if both are numbers and differ, None where strings cannot
tell. An audit counts where the judge says CORRECT and this says False, or WRONG and True.
"""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST = 300
DROPPED = re.compile(r"\\left|\\right|\\[!,;:]|\\ |\$|\^\{?\\circ\}?|\\%|%|~|\\displaystyle|\\degree")
TEXT = re.compile(r"\\(?:text|mbox|mathrm|textbf|mathbf)\{([^{}]*)\}")
UNIT = re.compile(r"(?<=[\d}])\s*\\(?:text|mbox|mathrm)\{[^{}]*\}(?:\^\{?\d\}?)?$")
SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(\d|\{[^{}]*\})\s*(\d|\{[^{}]*\})")
FRACTION = re.compile(r"(-?)(\d*)\\frac\{(-?\d+)\}\{(\d+)\}")
DECIMAL = re.compile(r"(-?)(\d*\.?\d+)(?:/(\d+))?")
LABEL = re.compile(r"[a-zA-Z](?:\([a-zA-Z]\))?=(?=[^=<>]+$)")


def agrees(gold: str, answer: str) -> bool | None:
    r"""Do strings alone say that an answer is the gold answer? None if they cannot tell.

    >>> agrees(r"\frac{1}{2}", r"\dfrac12"), agrees("1,000", "1000.0"), agrees("42", "43"), agrees("x+1", "1+x")
    (True, True, False, None)
    """
    if max(len(gold), len(answer)) > LONGEST:
        return None
    one, other = _normal(gold), _normal(answer)
    if not one or not other:
        return None
    if one == other:
        return True
    a, b = _number(one), _number(other)
    return None if a is None or b is None else a == b


def _normal(text: str) -> str:
    """A text without the usual varieties of writing; units, percent and degree signs are dropped, not compared."""
    text = UNIT.sub("", text.strip().rstrip(".").replace(r"\$", "").replace("{,}", ","))
    text = TEXT.sub(r"\1", DROPPED.sub("", text)).strip()
    text = SHORT_FRACTION.sub(_braced, text)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", re.sub(r"\s+", "", text))
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", LABEL.sub("", text, count=1))
    choice = re.fullmatch(r"\(?([A-Z])\)?", text)
    return choice[1] if choice else text.lower() if re.fullmatch(r"[a-zA-Z]{2,}", text) else text


def _braced(fraction: re.Match[str]) -> str:
    above, below = (part.strip("{}") for part in fraction.groups())
    return f"\\frac{{{above}}}{{{below}}}"


def _number(text: str) -> Fraction | None:
    if match := FRACTION.fullmatch(text):
        sign, whole, above, below = match.groups()
        if not int(below):
            return None
        value = Fraction(int(whole or 0)) + Fraction(int(above), int(below))
        return -value if sign else value
    if match := DECIMAL.fullmatch(text):
        sign, digits, below = match.groups()
        if below and not int(below):
            return None
        return Fraction(digits) / int(below or 1) * (-1 if sign else 1)
    return None
