"""The last resort: math-verify, for gold answers that the reader here does not know, such as sums over all integers.

It is asked last because it forgives too much: it drops trailing letters as units, takes the last number of a chain and
works out integrals. So it sees short texts only, whose commands the gold answer has too, and never a fragment of one.
What takes it too long is the judge pool's to stop; what could take gigabytes is refused here.
"""

from __future__ import annotations

import logging
import re

from r1rl.answer.surface import clean

LONGEST = 300  # characters
MORE_GROUPS = 3  # than the gold answer has: the time of its parser grows exponentially with nested ones
HARMLESS = {
    *[
        r"\frac",
        r"\dfrac",
        r"\tfrac",
        r"\sqrt",
        r"\pi",
        r"\cdot",
        r"\times",
        r"\left",
        r"\right",
        r"\text",
        r"\mathrm",
        r"\mathbb",
        r"\infty",
        r"\quad",
        r"\{",
        r"\}",
        r"\le",
        r"\ge",
        r"\leq",
        r"\geq",
    ],
    *[
        r"\alpha",
        r"\beta",
        r"\gamma",
        r"\theta",
        r"\lambda",
        r"\mu",
        r"\sigma",
        r"\phi",
        r"\varphi",
        r"\omega",
        r"\pm",
        r"\in",
        r"\cup",
        r"\{",
        r"\}",
    ],
}
BOMBS = re.compile(
    r"[0-9]{40}|\^\s*\{?[^{}\s]{0,5}\^|\^\s*\{?\s*[0-9]{4}|!|\\d?t?binom|\*\*|(?:\\sum|\\prod)[^=]*=.*\^\s*\{?\s*[0-9]{4}"
)


def same_by_math_verify(gold: str, answer: str) -> bool:
    r"""Does math-verify call the answer right?

    >>> same_by_math_verify(r"\sum_{k=1}^n a_k", r"9^{9^{9}}")
    False
    """
    gold, answer = clean(gold), clean(answer)
    if max(len(gold), len(answer)) > LONGEST or BOMBS.search(gold) or BOMBS.search(answer):
        return False
    if sum(map(answer.count, "({[|")) > sum(map(gold.count, "({[|")) + MORE_GROUPS:
        return False
    commands = set(re.findall(r"\\(?:[a-zA-Z]+|.)", answer))
    if not commands <= HARMLESS | set(re.findall(r"\\(?:[a-zA-Z]+|.)", gold)) or answer.count("=") > gold.count("="):
        return False
    return _verified(gold, answer)


def _verified(gold: str, answer: str) -> bool:
    import math_verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    config = [math_verify.LatexExtractionConfig(boxed_match_priority=0)]
    parsed = [
        math_verify.parse(rf"\boxed{{{text}}}", config, fallback_mode="no_fallback", parsing_timeout=None)
        for text in (gold, answer)
    ]
    if not all(parsed):
        return False
    return bool(math_verify.verify(parsed[0], parsed[1], float_rounding=12, numeric_precision=30, timeout_seconds=None))
