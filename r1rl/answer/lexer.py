r"""Cuts a cleaned answer into tokens: numbers, single letters (variables), words, commands and signs.

The trap is in the letters. `xy` is a product and `north` is a word; `5m` is a product and `5 \text{ m}` a length; `sin`
is a function. So: letters stand alone, unless they make up a word of four or more, a known short word, the name of a
function, or a unit of two or more letters behind a number.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from r1rl.answer import commands
from r1rl.answer.tree import Unreadable
from r1rl.answer.words import PROSE, SHORT_UNITS, SHORT_WORDS

MOST = 600  # tokens


class Token(NamedTuple):
    kind: str  # num, sym, word, cmd, sign
    text: str
    quoted: bool = False  # a word that came out of \text{}: surely not a product of letters


FUNCTIONS = {name[1:] for name in commands.FUNCTIONS} | {"det", "deg", "arcsinh", "arccosh", "arctanh"}
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<repeating> \d*\.\d*\s*\\(?:overline|bar|dot)\s*(?:\{\s*\d{1,50}\s*\}|\d))
      | (?P<num> \d+(?:\.\d+)?[eE][+-]?\d{1,3}(?![\d.a-zA-Z]) | \d+(?:\.\d+)? | \.\d+ )
      | \\(?:text(?:bf|rm|it|normal|sf|tt)?|mbox|hbox|math(?:rm|bf|it|sf)|operatorname\*?)\s*\{(?P<text>[^{}]*)\}
      | (?P<cmd>\\[a-zA-Z]+|\\[{}|$%\#&_\\])
      | (?P<letters>[a-zA-Z]+)
      | (?P<sign><=|>=|!=|==|\*\*|[^\s\w]|_)""",
    re.VERBOSE,
)


def tokens(text: str) -> list[Token]:
    r"""The tokens of an answer.

    >>> [token.text for token in tokens(r"2xy + \sin 3\text{ cm}")]
    ['2', 'x', 'y', '+', '\\sin', '3', 'cm']
    """
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            raise Unreadable(f"nobody writes {text[position]!r} in an answer")
        position = match.end()
        kind = str(match.lastgroup)
        if kind == "text":
            found += _quoted(match["text"], math=not match.group().startswith((r"\text", r"\mbox", r"\hbox")))
        elif kind == "letters":
            found += _letters(match["letters"], bool(found) and (found[-1].kind == "num" or found[-1].text in ")}"))
        elif kind == "repeating":
            found.append(
                Token(
                    "num",
                    re.sub(r"\\[a-z]+(?:\{\.\})?|[\s{}]", lambda m: "r" if len(m.group()) > 1 else "", match.group()),
                )
            )
        elif kind != "space":
            found.append(Token(kind, match.group()))
        if len(found) > MOST:
            raise Unreadable("longer than any answer")
    return found


def _letters(run: str, behind_number: bool) -> list[Token]:
    if run in FUNCTIONS:
        return [Token("cmd", "\\" + run)]
    if run == "pi":
        return [Token("cmd", "\\pi")]
    if run in ("sqrt", "infty", "cup", "inf", "infinity", "oo"):
        return [Token("cmd", {"inf": "\\infty", "infinity": "\\infty", "oo": "\\infty"}.get(run, "\\" + run))]
    if len(run) >= 4 or run.lower() in SHORT_WORDS or run in PROSE or (behind_number and run in SHORT_UNITS):
        return [Token("word", run)]
    return [Token("sym", letter) for letter in run]


def _quoted(text: str, math: bool) -> list[Token]:
    r"""What stands in \text{}: a number, a letter (the label of a choice, or a variable), or words."""
    text = text.strip()
    if math and text in FUNCTIONS:
        return [Token("cmd", "\\" + text)]
    if re.fullmatch(r"[a-zA-Z]", text):
        return [Token("sym", text, quoted=True)]
    found = []
    for part in re.findall(r"[^\W\d_][\w'-]*|\d+(?:\.\d+)?|\S", text):
        kind = "num" if part[0].isdecimal() else "word" if part[0].isalpha() else "sign"
        found.append(Token(kind, part, quoted=True))
    return found
