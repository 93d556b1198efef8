r"""The label of a choice and what it stands for: \text{(C) } 12."""

from __future__ import annotations

import re

TEXT = r"\\(?:text(?:bf|rm|it)?|math(?:rm|bf))\s*"
SPACE = r"(?:\\[ ,;:]|\\quad|[~\s])*"
CHOICE = re.compile(
    rf"\s*(?:{TEXT}\{{\s*\(?(?P<text>[A-J])(?:[).:]\s*\}}|\)?\s*\}}\s*[).:]){SPACE}(?=[^\s+*/^_=<>,-])"  # \text{(C)} 12
    rf"|{TEXT}\{{\s*\((?P<inside>[A-J])\)\s*(?=[^\s}}])(?P<words>[^{{}}]*)\}}$"  # \text{(C) a circle}
    rf"|\(?(?P<bare>[A-J])[).:]{SPACE}(?=[\d$]))",  # (C) 12
)
CAPITAL = re.compile("[A-J]")
LETTER = re.compile(rf"[\s$]*(?:{TEXT}\{{)?\s*\(?([A-J])\)?\s*\}}?[.\s$]*")


def split(text: str) -> tuple[str, str]:
    r"""The label of a choice and its worth, either of them "" if it is not there.

    >>> split(r"\text{(C) } 12"), split("B"), split("12"), split(r"\text{(A) a circle}")
    (('C', '12'), ('B', ''), ('', '12'), ('A', 'a circle'))
    """
    if not CAPITAL.search(text):
        return "", text
    if letter := LETTER.fullmatch(text):
        return letter[1], ""
    match = CHOICE.match(text)
    if match is None or re.search(r"[A-J]\s*[):]", text[match.end() :]):  # "A: 3, B: 4" are labelled values
        return "", text
    return match["text"] or match["inside"] or match["bare"], match["words"] or text[match.end() :]
