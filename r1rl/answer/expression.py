r"""Reads an expression: a recursive-descent parser for the mathematics that answers are made of.

No sympy here: parsing LaTeX with it costs milliseconds and hangs on hostile text. Unknown names become variables, and
what would still have to be worked out (\int, \sum, \lim, ...) is not an answer: Unreadable.
"""

from __future__ import annotations

from r1rl.answer.atoms import Atoms
from r1rl.answer.commands import (
    BINOMIALS,
    CALLED,
    CONSTANTS,
    FRACTIONS,
    FUNCTIONS,
    GREEK,
    OPAQUE,
    OVER,
    SYMBOL_WRAPPERS,
    TIMES,
)
from r1rl.answer.cursor import number, written
from r1rl.answer.tree import Node, Unreadable
from r1rl.answer.words import DEGREES, JOINING, MULTIPLES, PERCENT, SPOILING, unit

MOST_WORDS = 4  # behind a number: "14 right triangles"; a sentence is no unit


class Expression(Atoms):
    """Sums, products, powers, and units behind numbers."""

    def sum(self) -> Node:
        terms = [self.term()]
        while self.next().text in ("+", "-", r"\pm", r"\mp") and self.next().kind in ("sign", "cmd"):
            sign = self.next().text
            self.at += 1
            term = self.term()
            terms.append(term if sign == "+" else Node("neg" if sign == "-" else "pm", (term,), text=sign))
        return terms[0] if len(terms) == 1 else Node("add", tuple(terms))

    def term(self) -> Node:
        for sign, kind in (("-", "neg"), ("+", ""), (r"\pm", "pm"), (r"\mp", "pm")):
            if self.take(sign):
                self.down()
                inner = self.term()
                self.depth -= 1
                return Node(kind, (inner,), text=sign) if kind else inner
        node = self.power()
        while True:
            if self.take(*TIMES):
                node = Node("mul", (node, self._signed()))
            elif self.take(*OVER):
                node = Node("div", (node, self._signed()))
            elif self._unit_follows(node):
                return self._quantity(node)
            elif self.juxtaposed():
                node = self.beside(node, self.power())
            else:
                return node

    def _unit_follows(self, node: Node) -> bool:
        token = self.next()
        letter = token.kind == "sym" and token.quoted and unit(token.text) and not node.symbols()
        return bool(letter) or token.kind == "word" or token.text in (r"\%", "%", r"\degree")

    def _signed(self) -> Node:
        if self.take("-"):
            return Node("neg", (self.power(),), text="-")
        return self.power()

    def beside(self, left: Node, right: Node) -> Node:
        """Two things side by side: a mixed number, or a product."""
        if left.kind == "num" and right.kind == "num":
            if self.take("/"):  # 3 1/2
                return self.beside(left, Node("div", (right, self.power())))
            raise Unreadable("two numbers side by side")
        if left.kind == "num" and left.number.denominator == 1 and _is_proper(right):
            return Node("mixed", (left, right))
        if right.kind == "num":
            raise Unreadable("a number behind its factor")
        return Node("mul", (left, right))

    def juxtaposed(self) -> bool:
        token = self.next()
        if token.kind in ("num", "sym"):
            return True
        if token.kind == "sign":
            return token.text in ("(", "{") or (token.text == "|" and not self.bars)
        if token.kind != "cmd":
            return False
        known = token.text in FRACTIONS | BINOMIALS | FUNCTIONS | OPAQUE | SYMBOL_WRAPPERS or token.text in CONSTANTS
        return known or token.text in (r"\sqrt", r"\lfloor", r"\lceil", r"\lvert", r"\begin") or token.text in GREEK

    def power(self) -> Node:
        node = self.atom()
        while True:
            if self.take("!"):
                node = Node("fact", (node,))
            elif self.take("'"):
                node = _primed(node, "'")
            elif self.next().text == "^" and self._is_degree():
                node = Node("deg", (node,))
                if self.next().kind == "sym" and self.next().text in "CF":  # a temperature
                    node = Node("unit", (node.parts[0],), text=f"degree{self.next().text}")
                    self.at += 1
            elif self.take("^", "**"):
                node = self._raised(node)
            elif self.take("_"):
                node = self._indexed(node)
            elif node.kind == "sym" and self.next().text == "(" and (called := self._called(node)):
                node = called
            else:
                return node

    def _called(self, node: Node) -> Node | None:
        """f(x), or u(x, y): with two arguments a bracket can be no factor. None (and no move) for a product."""
        start, depth = self.at, self.depth
        try:
            found = Node("call", self.arguments(), text=node.text)
        except Unreadable:
            found = Node("")
        if len(found.parts) > 1 or (found.parts and node.text.strip("'") in CALLED):
            return found
        self.at, self.depth = start, depth
        return None

    def _raised(self, node: Node) -> Node:
        if self.take(r"\prime", "'", "*", r"\ast", r"\top"):
            return _primed(node, self.tokens[self.at - 1].text)
        return Node("pow", (node, self.argument(whole=True)))

    def _is_degree(self) -> bool:
        """Move over ^\\circ or ^{\\circ}."""
        for marks in (("^", r"\circ"), ("^", "{", r"\circ", "}"), ("^", r"\degree")):
            if tuple(self.next(ahead).text for ahead in range(len(marks))) == marks:
                self.at += len(marks)
                return True
        return False

    def _indexed(self, node: Node) -> Node:
        ahead = [self.next(number).text for number in (0, 2)]
        if self.next(1).kind == "word" and ahead == ["{", "}"]:  # S_{ABCD}, x_{\text{max}}
            self.at += 3
            return Node("sym", text=f"{node.text}_{self.next(-2).text}")
        index = self.argument(whole=True)
        if node.kind == "num":  # a number written in a base; never its value, since the base is part of the answer
            return Node("base", (index,), text=node.text)
        if node.kind in ("sym", "set_name"):
            return Node("sym", text=f"{node.text}_{written(index)}")
        raise Unreadable("an index below something that has none")

    def _quantity(self, node: Node) -> Node:
        """A percent or degree sign or a unit behind a number."""
        if self.take(r"\%", "%"):
            return Node("pct", (node,))
        if self.take(r"\degree"):
            return Node("deg", (node,))
        word = self.next().text.lower()
        if word in PERCENT | DEGREES:
            self.at += 1
            return Node("pct" if word in PERCENT else "deg", (node,))
        if word in MULTIPLES:
            self.at += 1
            node = Node("mul", (node, number(str(MULTIPLES[word]))), text="multiple")
        words = self._unit_words()
        return Node("unit", (node,), text=words) if words else node

    def _unit_words(self) -> str:
        """The words of a unit; "" (and no move) if one of them says more than a unit does, or they are too many."""
        words: list[str] = []
        start = self.at
        while self.next().kind == "word" or self.next().quoted or (words and self.next().text in ("/", "^")):
            if self.next().text.lower() in JOINING and words:
                break
            if self.next().text.lower() in SPOILING or len(words) > MOST_WORDS:
                self.at = start
                return ""
            words.append(self._unit_part())
        return " ".join(words).replace(" ^", "^").strip()

    def _unit_part(self) -> str:
        token = self.next()
        self.at += 1
        if token.text == "^":
            return "^" + written(self.argument(whole=True))
        return "/" if token.text == "/" else unit(token.text) or f"({token.text.lower()})"


def _primed(node: Node, mark: str) -> Node:
    """A derivative, a transpose, a dual: another name."""
    if node.kind not in ("sym", "call", "set_name"):
        raise Unreadable(f"{mark!r} behind something that has no name")
    return Node(node.kind, node.parts, node.text + mark)


def _is_proper(node: Node) -> bool:
    """A fraction of two whole numbers, less than one: behind a whole number it is added, not multiplied."""
    if node.kind != "div" or any(part.kind != "num" or part.number.denominator != 1 for part in node.parts):
        return False
    return 0 < node.parts[0].number < node.parts[1].number
