r"""Hygiene of gold answers: what makes one unusable, found when data is loaded rather than in the middle of a run.

Published data has empty golds, "None", control characters where a backslash was eaten ("\frac" as form feed and "rac"),
lists in place of answers and LaTeX that nobody can parse. Such a problem teaches noise: drop it, and say so.
"""

from __future__ import annotations

import re
import unicodedata

from r1rl.answer.surface import balanced, clean

NOTHING = {
    "none",
    "nan",
    "null",
    "n/a",
    "na",
    "?",
    "-",
    "[]",
    "{}",
    "tbd",
    "unknown",
    "see solution",
    "answer",
    "proof",
    "prove",
}
BARE_COMMAND = re.compile(
    r"\\(?:[dtc]?frac|sqrt|text|boxed)\s*(?:\{\s*\})?\s*$|\\[dtc]?frac\s*\{\s*\}|\\[dtc]?frac\s*\{[^{}]*\}\s*\{\s*\}"
)


def unreadable(gold: object) -> str:
    r"""Why nobody can be judged by this gold answer, or "".

    >>> unreadable("42"), unreadable(" "), unreadable("None"), unreadable(r"\frac{1}{"), unreadable(None)
    ('', 'empty', "'None' stands for no answer", 'unbalanced braces', 'not a text but NoneType')
    """
    if not isinstance(gold, str):
        return f"not a text but {type(gold).__name__}"
    text = clean(gold[:5000])
    if not text.strip("{} "):
        return "empty"
    if text.lower() in NOTHING:
        return f"{text!r} stands for no answer"
    if len(gold) <= 5000 and not balanced(text):
        return "unbalanced braces"
    if BARE_COMMAND.search(text):
        return "a command without its argument"
    return ""


def mended(gold: str) -> str:
    r"""A gold answer without an open \boxed{ or surplus braces at its end: cut out of a solution one brace off.

    >>> mended(r"\boxed{7"), mended(r"\frac{3}{4}}"), mended(r"\frac{1}{")
    ('7', '\\frac{3}{4}', '\\frac{1}{')
    """
    if balanced(gold):
        return gold
    mended = re.sub(r"^[\s$]*\\{1,2}boxed\s*\{", "", gold, count=1)
    while mended.rstrip(" $").endswith("}") and not balanced(mended):
        mended = mended.rstrip(" $")[:-1]
    return mended if balanced(mended) else gold


def problems(gold: object) -> str | None:
    r"""Why a data set should not have this gold answer, or None: all of `unreadable`, and what is only suspicious.

    The judge must give a gold answer full marks for itself, and none for the same number plus one.

    >>> problems("\frac{1}{2}"), problems("3/4"), problems(r"43_5.")
    ('the control character 0x0c', None, None)
    """
    if reason := unreadable(gold):
        return reason
    text = str(gold)
    if strange := [char for char in text if unicodedata.category(char) == "Cc" and char not in "\n"]:
        return f"the control character 0x{ord(strange[0]):02x}"
    if re.fullmatch(r"\[\s*['\"].*['\"]\s*\]", text.strip(), re.DOTALL):
        return "a list of answers in the notation of Python"
    return _judged_by_itself(text)


def _judged_by_itself(gold: str) -> str | None:
    from r1rl.answer.verdict import judge
    from r1rl.types import Verdict

    own = judge(gold, gold)
    if own.verdict is not Verdict.CORRECT or _differs_from_itself(gold):
        return f"does not judge itself right: {own.detail or 'it has no value'}"
    if judge(gold, f"{clean(gold)} + 1").verdict is Verdict.CORRECT:
        return "judges itself plus one right"
    return None


def _differs_from_itself(gold: str) -> bool:
    """Is it read, but worth nothing, like 1/0? The judge would not notice: the same text is always right."""
    from r1rl.answer.compare import Comparison
    from r1rl.answer.reader import read
    from r1rl.answer.tree import TooBig, Unreadable

    try:
        tree = read(gold)
    except Unreadable:
        return False
    try:
        return not Comparison().same(tree, tree)
    except TooBig:
        return False
    except Unreadable:
        return tree.kind in ("div", "num", "neg", "add", "mul", "pow")
