r"""Functions that are given piece by piece, in a `cases` environment."""

from __future__ import annotations

import re

CASES = re.compile(
    r"[\s$]*(?P<label>[a-zA-Z](?:_\{?\w+\}?)?(?:\([a-zA-Z]\))?\s*=)?\s*"
    r"\\begin\{cases\}(?P<rows>.*?)\\end\{cases\}[\s$.]*",
    re.DOTALL,
)
WHEN = re.compile(r"\\text\s*\{\s*(?:if|for|when)?\s*\}|\b(?:if|for|when)\b")


def table(text: str) -> list[list[str]]:
    r"""The cells of a function by cases, with or without a name; [] for anything else.

    >>> table(r"f(x)=\begin{cases} 1, & \text{if } x=0 \\ x & x>0 \end{cases}")
    [['1', 'x=0'], ['x', 'x>0']]
    """
    match = CASES.fullmatch(text)
    rows = match["rows"].split("\\\\") if match else []
    return [[WHEN.sub("", cell).strip(" ,;.\n") for cell in row.split("&")] for row in rows if row.strip()]
