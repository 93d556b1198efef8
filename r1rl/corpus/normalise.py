r"""One text for all ways to write a question: what decides whether two questions are the same.

Case, white space, the delimiters of formulas, spacing commands and punctuation of prose go; words, numbers, commands,
operators and drawings stay: `x + 2` and `x - 2` are two questions, and so is "Find x in the diagram" with two diagrams.
"""

from __future__ import annotations

import re
import unicodedata

from r1rl.corpus.hygiene import DRAWING

SPACING = re.compile(
    r"\\(?:left|right|bigg?[lrm]?|displaystyle|textstyle|quad|qquad|limits|nolimits)(?![a-z])"
    r"|\\(?:text|textbf|textit|mathrm|mathbf|mathit|emph|operatorname)(?![a-z])"
    r"|\\[,;:!\s()\[\]$%]"
    r"|[${}~]"
)
FRACTION = re.compile(r"\\[dt]frac(?![a-z])")
TOKEN = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")
PROSE = frozenset(".,;:?!\"'`“”‘’")
WORD = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    r"""Lower case, composed, without layout.

    >>> plain("Let $y = \\dfrac12x$.")
    'let  y = \\frac12x .'
    """
    text = unicodedata.normalize("NFKC", text).lower()
    return SPACING.sub(" ", FRACTION.sub(r"\\frac", text)).replace("−", "-").strip().replace("  .", " .")


def key(question: str) -> str:
    r"""What two questions have in common if and only if they are the same question.

    >>> key(r"Find $x+2$.") == key(r"find \( x + 2 \)"), key("Find $x+2$.") == key("Find $x-2$.")
    (True, False)
    """
    return " ".join(token for token in TOKEN.findall(plain(question)) if token not in PROSE)


def words(text: str) -> list[str]:
    r"""The words and numbers of a text without its drawings, which n-grams are made of.

    >>> words("Find $\\dfrac{m}{n}$, where m, n are prime.")
    ['find', 'frac', 'm', 'n', 'where', 'm', 'n', 'are', 'prime']
    """
    return WORD.findall(plain(DRAWING.sub(" ", text)))
