"""Reads the smallest parts of an expression: numbers, names, brackets, fractions, roots, functions and matrices."""

from __future__ import annotations

from r1rl.answer.commands import (
    BINOMIALS,
    CONSTANTS,
    ELLIPSIS,
    FRACTIONS,
    FUNCTIONS,
    MATRICES,
    OPAQUE,
    RELATED,
    SETS,
    SYMBOL_WRAPPERS,
    UNFINISHED,
)
from r1rl.answer.cursor import Cursor, number, written
from r1rl.answer.lexer import Token
from r1rl.answer.tree import Node, Unreadable


class Atoms(Cursor):
    """The part of the parser below powers and products, which its child reads."""

    def sum(self) -> Node:
        raise NotImplementedError

    def power(self) -> Node:
        raise NotImplementedError

    def beside(self, left: Node, right: Node) -> Node:
        raise NotImplementedError

    def juxtaposed(self) -> bool:
        raise NotImplementedError

    def argument(self, whole: bool = False) -> Node:
        r"""A group in braces, or one thing without them: one digit (`\frac12`), unless the whole number is meant."""
        if self.take("{"):
            self.down()
            node = self.sum()
            self.depth -= 1
            self.expect("}")
            return node
        token = self.next()
        if token.kind == "num" and not whole and len(token.text) > 1 and token.text.isdigit():
            # For good, since a bracket may be read twice: first as a tuple, then as what only groups.
            self.tokens[self.at : self.at + 1] = [Token("num", token.text[0]), Token("num", token.text[1:])]
        if self.take("-"):
            return Node("neg", (self.argument(whole),), text="-")
        return self.atom()

    def atom(self) -> Node:
        token = self.next()
        self.at += 1
        self.down()
        node = self._atom(token)
        self.depth -= 1
        return node

    def _atom(self, token: Token) -> Node:
        if token.kind == "num":
            return number(token.text)
        if token.kind == "sym":
            return Node({"e": "const", "i": "const"}.get(token.text, "sym"), text=token.text)
        if token.kind == "sign":
            return self._bracketed(token.text)
        if token.kind == "cmd":
            return self._command(token.text)
        raise Unreadable(f"an expression stops before {token.text!r}")

    def _bracketed(self, sign: str) -> Node:
        closing = {"(": ")", "{": "}", "[": "]", "|": "|"}.get(sign)
        if sign in ("$", "€", "£"):
            return Node("unit", (self.power(),), text={"$": "dollar", "€": "euro"}.get(sign, "pound_sterling"))
        if closing is None:
            raise Unreadable(f"an expression stops before {sign!r}")
        bars, self.bars = self.bars, sign == "|"
        node = self.sum()
        self.expect(closing)
        self.bars = bars
        return Node("abs", (node,)) if sign == "|" else Node("group", (node,)) if sign != "{" else node

    def _command(self, name: str) -> Node:
        if name in UNFINISHED:
            raise Unreadable(f"{name} is a question, not an answer")
        if name in ELLIPSIS:
            raise Unreadable("dots leave out a part of the answer")
        if name in FRACTIONS:
            return Node("div", (self.argument(), self.argument()))
        if name in BINOMIALS:
            return Node("fn", (self.argument(), self.argument()), text=r"\binom")
        if name == r"\sqrt":
            return self._root()
        if name in FUNCTIONS | OPAQUE:
            return self._function(name)
        if name == r"\$":
            return Node("unit", (self.power(),), text="dollar")
        if name in (r"\lfloor", r"\lceil", r"\lvert", r"\left|"):
            node = self.sum()
            self.expect({r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}.get(name, r"\rvert"))
            return Node("abs", (node,)) if name == r"\lvert" else Node("fn", (node,), text=name)
        if name == r"\begin":
            return self._matrix()
        if name in SYMBOL_WRAPPERS:
            return self._wrapped(name)
        if name in CONSTANTS:
            return Node("const", text=CONSTANTS[name])
        if name[1:].isalpha() and name not in RELATED:
            return Node("sym", text=name)
        raise Unreadable(f"an expression stops before {name!r}")

    def _root(self) -> Node:
        degree = number("2")
        if self.take("["):
            degree = self.sum()
            self.expect("]")
        return Node("root", (self.argument(whole=True), degree))

    def _function(self, name: str) -> Node:
        """A function with its power, base and argument: brackets, or everything up to the next sign (`\\sin 2x`)."""
        exponent = base = None
        while self.next().text in ("^", "_"):
            if self.take("^"):
                exponent = self.argument(whole=True)
            elif self.take("_"):
                base = self.argument(whole=True)
        arguments = self.arguments() if self.next().text == "(" else (self._bare_argument(),)
        parts = arguments + ((base,) if base and name == r"\log" else ())
        text = name if base is None or name == r"\log" else f"{name}_{written(base)}"
        if exponent == Node("neg", (number("1"),), text="-"):  # \sin^{-1} is the inverse, by convention
            return Node("fn", parts, text="\\arc" + text[1:])
        node = Node("fn", parts, text=text)
        return node if exponent is None else Node("pow", (node, exponent))

    def _bare_argument(self) -> Node:
        node = self.power()
        while self.juxtaposed() and self.next().text not in FUNCTIONS and self.next().text != "(":
            node = self.beside(node, self.power())
        return node

    def _wrapped(self, name: str) -> Node:
        inner = self.argument(whole=True)
        text = written(inner)
        if name == r"\mathbb" and text in SETS:
            return Node("set_name", text=text)
        name = r"\vec" if name == r"\overrightarrow" and len(text) == 1 else name
        return Node("sym", text=text if name in (r"\mathbf", r"\mathcal", r"\boldsymbol") else f"{name}({text})")

    def _matrix(self) -> Node:
        kind = self._environment()
        if kind == "array" and self.take("{"):
            while not self.take("}"):
                self.at += 1
        rows, cells = [], [self.sum()]
        while not self.take(r"\end"):
            if self.take("&"):
                cells.append(self.sum())
            elif self.take(r"\\"):
                if self.next().text == r"\end":
                    continue
                rows.append(cells)
                cells = [self.sum()]
            else:
                raise Unreadable("a matrix is not finished")
        if self._environment() != kind or len({len(row) for row in [*rows, cells]}) != 1 or kind == "vmatrix":
            raise Unreadable("not a matrix")
        return Node("matrix", tuple(Node("row", tuple(row)) for row in [*rows, cells]))

    def _environment(self) -> str:
        self.expect("{")
        name = ""
        while not self.take("}"):
            name += self.next().text
            self.at += 1
            if self.at > len(self.tokens) or name not in {kind[: len(name)] for kind in MATRICES}:
                raise Unreadable("an environment that holds no matrix")
        return name

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        self.down()
        found = [self.sum()]
        while self.take(","):
            found.append(self.sum())
        self.expect(")")
        self.depth -= 1
        return tuple(found)
