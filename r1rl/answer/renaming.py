r"""Letters that an answer brings in itself, and may therefore choose: constants, whole numbers of a family, arguments.

The question decides: a letter that it mentions means something, one that it does not is the answer's own. Without a
question only what surely is: letters that the text introduces ("k \in \mathbb{Z}", "for some constant c"), constants
and arguments in f(x) = cx, and a constant of integration C beside a variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import permutations

from r1rl.answer.scalars import renamed
from r1rl.answer.tree import Node

FORMULA = re.compile(r"\$[^$]*\$|\\\([^()]*\\\)|\\\[.*?\\\]", re.DOTALL)
MOST = 3  # letters: six ways to pair them
INTRODUCED = re.compile(r"\\in\s*\\?(?:mathbb|mathbf)?\s*\{?\s*[ZNR]\b|(?i:integer|constant|arbitrary|natural)")
OWN = re.compile(r"[a-dkmnqrst]|[A-DK]|[cCkK]_\{?\w\}?")
INTEGRATION = re.compile(r"[cCK](?:_\w)?")


def renamings(gold: Node, answer: Node, question: str, texts: str) -> Iterator[Node]:
    """The answer with its own letters called what the gold answer calls them, in every way.

    >>> from r1rl.answer.reader import read
    >>> list(renamings(read("f(x)=cx"), read("f(x)=kx"), "", "")) == [read("f(x)=cx")]
    True
    """
    mine, theirs = gold.symbols() - answer.symbols(), answer.symbols() - gold.symbols()
    if not gold.has("num", "const", "call") and not _is_integrated(gold, answer):  # A and B, AB and CD
        return
    if not 0 < len(mine) == len(theirs) <= MOST:
        return
    if not all(_is_own(name, gold, answer, question, texts) for name in mine | theirs):
        return
    for names in permutations(sorted(mine)):
        pairs = list(zip(sorted(theirs), names, strict=True))
        if any((old in _arguments(answer)) != (new in _arguments(gold)) for old, new in pairs):
            continue
        other = answer
        for old, new in pairs:
            other = renamed(other, old, new)
        yield other


def _is_own(name: str, gold: Node, answer: Node, question: str, texts: str) -> bool:
    if question:
        letter = name.partition("_")[0]
        return (letter.islower() or letter in "CK") and len(letter) == 1 and not _mentions(question, letter)
    if name in _arguments(gold) | _arguments(answer):
        return True
    if not OWN.fullmatch(name):
        return False
    return bool(INTRODUCED.search(texts) or _arguments(gold)) or _is_integrated(gold, answer)


def _is_integrated(gold: Node, answer: Node) -> bool:
    """Has the gold answer a constant of integration beside a variable, which the answer calls something else?"""
    constants = {name for name in gold.symbols() if INTEGRATION.fullmatch(name)}
    variables = gold.symbols() - constants
    return bool(constants - answer.symbols()) and bool(variables) and all(name.islower() for name in variables)


def _mentions(question: str, letter: str) -> bool:
    r"""Does a question speak of this letter, by itself or in a formula? In $2xy$ it speaks of x.

    >>> [_mentions(r"Simplify $2xy$ for an angle $\theta$.", letter) for letter in "xte"]
    [True, False, False]
    """
    formulas = " ".join(FORMULA.findall(question))
    plain = re.sub(r"\\(?:text|mbox|mathrm)\s*\{[^{}]*\}|\\[a-zA-Z]+", " ", formulas)
    return letter in plain or bool(re.search(rf"(?<![a-zA-Z\\]){letter}(?![a-zA-Z])", question))


def _arguments(node: Node) -> set[str]:
    """The x of f(x) = …"""
    label = node.parts[0] if node.kind == "relation" and node.text == "=" else node
    return label.symbols() if label.kind == "call" and label is not node else set()
