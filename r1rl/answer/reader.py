r"""Reads a whole answer: lists, tuples, intervals, sets, relations, unions and labels, around the expressions.

Kinds of node on this floor: list (text: the separator), tuple, set, bracket (an interval with a square end, text: both
ends), relation (text: the operators, one fewer than the parts), union, setminus, builder, words.
"""

from __future__ import annotations

import re

from r1rl.answer.commands import ENDS
from r1rl.answer.expression import Expression
from r1rl.answer.lexer import Token, tokens
from r1rl.answer.surface import LONGEST, clean
from r1rl.answer.tree import Node, Unreadable
from r1rl.answer.words import FILLERS, HAVING, JOINING, NUMERALS, SPOILING, key, unit

RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", r"\lt": "<", r"\gt": ">", r"\le": "<=", r"\leq": "<=", r"\leqslant": "<=",
    "<=": "<=", ">=": ">=", r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\ne": "!=", r"\neq": "!=", "!=": "!=",
    r"\in": "in", r"\approx": "~", r"\equiv": "==", r"\to": "->", r"\mapsto": "->", r"\rightarrow": "->",
    r"\sim": r"\sim", r"\subset": "sub", r"\subseteq": "sub", r"\cong": r"\cong", r"\notin": "notin",
}  # fmt: skip
UNIONS = {r"\cup": "union", r"\setminus": "setminus", r"\cap": "cap"}
CONSTANT = {
    "infinity": r"\infty",
    "positive infinity": r"\infty",
    "negative infinity": r"-\infty",
    "reals": r"\mathbb{R}",
    "all positive real numbers": r"(0, \infty)",
    "positive real numbers": r"(0, \infty)",
} | NUMERALS
EXCEPT = re.compile(
    r"(?i)(?:\\text\s*\{\s*)?(?:[a-z] (?:is|can be) )?(?:all|any|every)?\s*(?:the )?reals?(?: numbers?| values?)?"
    r"(?: of)?(?: ?[a-z])? (?:except|other than|excluding)(?: for)?[\s}]*(?:[a-z]\s*=|)(?P<points>[^a-zA-Z]+?)\s*\}?"
)
KIND = r"(?:\w+ )?(?:integer|constant|real number|real|natural number)s?"
CONDITION = re.compile(
    rf"""(?:\\text\s*\{{)?[\s,(]*(?:where|for|with|and)?\s*(?:any|all|some|every|each)?[\s}}$]*
    (?: [a-zA-Z] \s* (?:\\in \s* (?:\\(?:mathbb|mathbf) \s* \{{? \s*[ZNR]\s* \}}? | \\?[ZNR]) (?:\^\+|_\+|\^\*)?
                       | (?:\\text\s*\{{)? \s* (?:is|are|be)?\s* (?:an?\ )? {KIND.replace(" ", chr(92) + " ")} )
      | {KIND.replace(" ", chr(92) + " ")} [\s}}$]* [a-zA-Z]
      | (?<=[\s{{]) for \s+ (?:all|any|every) [\s}}$]* [a-zA-Z]
        (?:\s* \\in \s* \\mathbb \s* \{{? [RQ] \}}?)? ) [\s}})]*$""",
    re.VERBOSE,
)


def read(text: str) -> Node:
    r"""The tree of an answer. Raises Unreadable.

    >>> [part.kind for part in read(r"\{1, (2,3), [0,\infty)\}").parts]
    ['num', 'tuple', 'bracket']
    >>> read(r"x = 3").text, read("4, 5 or 6").kind, read(r"\text{Evelyn}").text
    ('=', 'list', 'evelyn')
    """
    text = clean(text)
    if len(text) > LONGEST:
        raise Unreadable("longer than any answer")
    if not text:
        raise Unreadable("empty")
    if exception := EXCEPT.fullmatch(text):
        text = rf"\mathbb{{R}} \setminus \{{{exception['points']}\}}"
    said = key(text)
    number, _, measure = said.partition(" ")
    if number in NUMERALS and unit(measure):  # "three hours"
        return read_math(rf"{NUMERALS[number]}\text{{ {measure}}}")
    if len(said) == 1 or said in CONSTANT:
        return read_math(CONSTANT.get(said, said))
    if said and ("\\" in text or any(token.kind == "word" for token in tokens(text))):
        return Node("words", text=said)
    return read_math(text)


def read_math(text: str) -> Node:
    """The tree of an answer that is not just words."""
    if condition := CONDITION.search(text):
        text = text[: condition.start()].rstrip(" ,;(") or text
    reader = Reader(text)
    node = reader.everything()
    while reader.next().kind == "word" and reader.next().text.lower() in FILLERS:  # "x > 5 is the solution"
        reader.at += 1
    if reader.next().kind != "end":
        raise Unreadable(f"{reader.next().text!r} is left over")
    return node


class Reader(Expression):
    """Reads what stands around expressions."""

    def everything(self) -> Node:
        """Lists of lists: a semicolon separates more than a comma does."""
        return self.listed(";", lambda: self.listed(",", self.relation))

    def listed(self, separator: str, inner: object) -> Node:
        parts, joint, word = [inner()], separator, ""  # type: ignore[operator]
        while True:
            if self.take(separator, r"\\", r"\quad", r"\qquad", "&"):
                while self.take(separator, r"\quad", r"\qquad") or (word := self.joined()):
                    joint = word or joint
            elif word := (self.joined() if separator == "," else ""):
                joint = word
            else:
                return parts[0] if len(parts) == 1 else Node("list", tuple(parts), text=joint)
            if self.next().kind == "end":
                return parts[0] if len(parts) == 1 else Node("list", tuple(parts), text=joint)
            parts.append(inner())  # type: ignore[operator]

    def joined(self) -> str:
        if self.next().kind == "word" and self.next().text.lower() in JOINING:
            self.at += 1
            return self.tokens[self.at - 1].text.lower()
        return ""

    def relation(self) -> Node:
        self.introduction()
        parts, signs = [self.ratio()], []
        while (sign := RELATIONS.get(self.next().text)) and self.next().kind in ("sign", "cmd"):
            self.at += 1
            if sign in ("<", ">") and self.take("="):
                sign += "="
            parts.append(self.ratio())
            signs.append(sign)
        if self.take(r"\pmod", r"\mod", r"\bmod"):
            parts.append(self.argument(whole=True))
            signs.append("mod")
        return Node("relation", tuple(parts), text=" ".join(signs)) if signs else parts[0]

    def ratio(self) -> Node:
        parts = [self.united()]
        while not self.bars and self.take(":"):
            parts.append(self.united())
        if len(parts) == 2 and parts[0].kind == "sym" and not parts[1].symbols():  # a label: "A: 26"
            return Node("relation", tuple(parts), text="=")
        return parts[0] if len(parts) == 1 else Node("ratio", tuple(parts))

    def introduction(self) -> None:
        """Words before a value: a label ("Paolo: 18") or a manner of speaking ("the answer is 18")."""
        words, start = [], self.at
        while self.next().kind == "word" and self.next().text.lower() not in JOINING:
            words.append(self.next().text.lower())
            self.at += 1
        if not words or self.next().kind == "end":
            self.at = start
        elif not SPOILING & set(words) and self.take(":", "="):
            self.tokens[self.at - 2 : self.at] = [self.tokens[self.at - 2]._replace(kind="sym", text=" ".join(words)),
                                                  self.tokens[self.at - 1]._replace(text="=")]  # fmt: skip
            self.at -= 2
        elif self.is_name(start, words):
            self.tokens[start : self.at] = [Token("sym", words[0]), Token("sign", "=")]
            self.at = start
        elif any(word not in FILLERS for word in words):
            self.at = start

    def is_name(self, start: int, words: list[str]) -> bool:
        """A name before one of several values: "Paolo has 18 and Maria 12"."""
        several = any(token.text in (",", "and") for token in self.tokens)
        capital = self.tokens[start].text[:1].isupper() and words[0] not in SPOILING | FILLERS
        return several and capital and len(words[0]) > 1 and set(words[1:]) <= HAVING and self.next().kind == "num"

    def united(self) -> Node:
        node = self.operand()
        while self.next().kind == "cmd" and (kind := UNIONS.get(self.next().text)):
            self.at += 1
            node = Node(kind, (node, self.operand()))
        return node

    def operand(self) -> Node:
        token = self.next()
        if token.kind == "word":
            return self.words()
        if token.kind == "cmd" and token.text in (r"\{", r"\emptyset", r"\varnothing"):
            return self.set()
        if token.text == "{" and token.kind == "sign" and (braced := self.braced()):
            return braced
        bracket = self.bracket() if token.text in ("(", "[", r"\langle", "]") and token.kind != "word" else None
        return bracket or self.sum()

    def words(self) -> Node:
        """Words up to the next separator."""
        said = []
        while self.next().kind == "word" and self.next().text.lower() not in JOINING:
            said.append(self.next().text)
            self.at += 1
        if not said:
            raise Unreadable("a list stops in the middle")
        return Node("words", text=key(" ".join(said)))

    def braced(self) -> Node | None:
        """{1, 2} without its backslashes, or None (and no move) if these braces only group."""
        start, depth = self.at, self.depth
        self.at += 1
        self.down()
        try:
            inner = self.listed(",", self.relation)
            self.expect("}")
        except Unreadable:
            inner = Node("")
        self.depth = depth
        if inner.kind == "list" and self.next().text in ENDS | set(RELATIONS) | set(UNIONS) | {""}:
            return Node("set", inner.parts)
        self.at = start
        return None

    def set(self) -> Node:
        if not self.take(r"\{"):
            self.at += 1
            return Node("set")
        self.down()
        if self.take(r"\}"):
            return Node("set")
        bars, self.bars = self.bars, True
        inner = self.listed(",", self.relation)
        if self.take("|", ":", r"\mid"):
            inner = Node("builder", (inner, self.listed(",", self.relation)))
        self.bars = bars
        self.expect(r"\}")
        self.depth -= 1
        if inner.kind == "builder":
            return inner
        return Node("set", inner.parts if inner.kind == "list" else (inner,))

    def bracket(self) -> Node | None:
        """A tuple or an interval, or None (and no move) if these brackets only group."""
        start, depth, opening = self.at, self.depth, self.next().text
        self.at += 1
        self.down()
        try:
            inner = self.listed(";", lambda: self.listed(",", self.relation))
        except Unreadable:
            if opening != "(":
                raise
            self.at, self.depth = start, depth
            return None
        closing = self.next().text
        self.at += 1
        self.depth = depth
        if closing not in (")", "]", r"\rangle", "["):
            raise Unreadable(f"{opening!r} is closed by {closing!r}")
        if opening + closing in ("()", "[]", r"\langle\rangle"):
            whole = self.next().text in ENDS | set(RELATIONS) | set(UNIONS) or self.next().kind in ("end", "word")
            if inner.kind != "list" or not whole:
                if inner.kind in ("matrix", "relation", "ratio", "words") and whole:
                    return inner
                self.at, self.depth = start, depth
                return None
        if inner.kind != "list":
            raise Unreadable("an interval of one end")
        if opening + closing == "[]" and len(inner.parts) != 2:
            return Node("tuple", inner.parts)
        if opening + closing in ("()", r"\langle\rangle"):
            return Node("tuple", inner.parts)
        if r"\langle" in opening or r"\rangle" in closing:
            raise Unreadable(f"{opening!r} is closed by {closing!r}")
        ends = {"(": "(", "]": "(", "[": "["}[opening] + {")": ")", "[": ")", "]": "]"}[closing]
        return Node("bracket", inner.parts, text=ends)
