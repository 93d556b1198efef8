r"""Compares two answers of any structure: lists, sets, tuples, matrices, intervals, equations, labelled values.

A tuple is ordered; a list and a set are not, and count repetitions; a tuple is neither. Labels ("x = 3", "Paolo: 18")
may be left out, but must agree where both sides have them; values under different labels are in the order of the gold
answer. An equation is any multiple of itself. A chain of equations counts if it starts with a label and all its values
are right (x = 6/8 = 3/4); with a number at its start (7 = 42) it is no answer.
"""
# ruff: noqa: SIM905 - a list of words reads better without a quotation mark around each

from __future__ import annotations

from r1rl.answer.equations import equal_worth, interval, near, proportional, turned
from r1rl.answer.form import STRICT, Policy, refusal
from r1rl.answer.labels import indexed, is_set_label, labels, members, renamed_call, same_name, spread, unlabelled
from r1rl.answer.matrices import worked_out
from r1rl.answer.regions import is_region, same_region
from r1rl.answer.scalars import same_scalar
from r1rl.answer.tree import Node, Unreadable

MOST = 60  # members of a list: finding each one's partner takes their square
SETS = set("set bracket union setminus cap builder".split())
SCALARS = {
    *"num sym const add mul div neg pow root fn fact abs call mixed group unit pct deg base pm".split(),
}


class Comparison:
    """Compares under one policy for the form of an answer."""

    def __init__(self, policy: Policy = STRICT) -> None:
        self.policy = policy

    def same(self, gold: Node, answer: Node) -> bool:
        """Is this answer the gold answer? Raises Unreadable, TooBig."""
        gold, answer = _plain(gold), _plain(answer)
        if self.policy.lenient:
            gold, answer = _last(gold), worked_out(answer)
        if is_region(gold) or is_region(answer):
            return self._same_condition(gold, answer)
        if "relation" in (gold.kind, answer.kind) and not {"list", "set"} & {gold.kind, answer.kind}:
            return self._same_relation(gold, answer)
        if {gold.kind, answer.kind} & {"list", "set"}:
            return self._same_members(gold, answer)
        if {gold.kind, answer.kind} & {"tuple", "matrix"}:
            return self._same_places(gold, answer)
        if {gold.kind, answer.kind} & {"ratio"}:
            return self._same_ratio(gold, answer)
        if gold.kind not in SCALARS or answer.kind not in SCALARS:
            return (gold == answer and gold.kind in ("words", "set_name")) or (_endless(gold) and _endless(answer))
        return same_scalar(gold, answer, self.policy)

    def _same_condition(self, gold: Node, answer: Node) -> bool:
        if gold == answer:
            return True
        if self.policy.lenient and gold.kind == answer.kind == "bracket" and gold.text == answer.text:
            return self._same_parts(gold, answer)
        bracketed = "bracket" in (gold.kind, answer.kind)
        one, other = (interval(gold), interval(answer)) if bracketed else (None, None)
        names, others = (_names(one), _names(other)) if one and other else (_names(gold), _names(answer))
        if names and others and names != others:
            return False
        try:
            return not refusal(gold, answer, self.policy) and same_region(gold, answer)
        except Unreadable:
            if one and other:  # between bounds that are no numbers
                return one.text == other.text and self._same_parts(one, other)
            if gold.kind != "relation" or answer.kind != "relation":
                return False
            return self._same_inequality(gold, answer) or self._same_inequality(gold, turned(answer))

    def _same_inequality(self, gold: Node, answer: Node) -> bool:
        """Between several variables: the same signs between sides that differ by the same positive factor."""
        if gold.text != answer.text:
            return False
        if gold.text == "in":
            return all(self.same(a, b) for a, b in zip(gold.parts, answer.parts, strict=True))
        if len(gold.parts) > 2:
            return all(same_scalar(a, b) for a, b in zip(gold.parts, answer.parts, strict=True))
        return proportional(gold, answer, positive="=" != gold.text != "!=")

    def _same_relation(self, gold: Node, answer: Node) -> bool:
        """Equations and labelled values."""
        if gold == answer:
            return True
        (label, worth), (other_label, others) = unlabelled(gold), unlabelled(answer)
        if label is None and other_label is None:
            both = gold.kind == answer.kind == "relation" and gold.text == answer.text
            return both and (proportional(gold, answer) if gold.text == "=" else self._same_parts(gold, answer))
        if gold.kind != "relation" or (label is not None and answer.kind != "relation"):
            return bool(worth and others) and self._same_chain(gold if label is None else worth[-1], others)
        if label is not None and other_label is not None and worth and others:
            if same_name(label, other_label):
                return self._same_chain(worth[-1], others)
            if turned := renamed_call(label, other_label, others[-1]):
                return self.same(worth[-1], turned)
        return gold.text == answer.text == "=" and proportional(gold, answer)

    def _same_chain(self, gold: Node, values: list[Node]) -> bool:
        """Every value of a chain must be right, so that no chain tries several; the last must be worked out."""
        if self.policy.lenient:  # all but the last are steps
            values = [part for part in values if part.kind != "approx"][-1:] or values[-1:]
        exact_ones = [part for part in values if not self._rounded(part, values)]
        return bool(exact_ones) and all(self.same(gold, part) for part in exact_ones[-1:]) and (
            all(equal_worth(exact_ones[-1], part) for part in exact_ones)
        )  # fmt: skip

    def _rounded(self, part: Node, values: list[Node]) -> bool:
        return part.kind == "approx" and near(part.parts[0], values[0])

    def _same_parts(self, gold: Node, answer: Node) -> bool:
        pairs = list(zip(gold.parts, answer.parts, strict=False))
        return len(gold.parts) == len(answer.parts) and all(self.same(a, b) for a, b in pairs)

    def _same_members(self, gold: Node, answer: Node) -> bool:
        """Lists and sets: with labels in their order or by label, else in any order."""
        gold, answer = (spread(node) for node in (gold, answer))
        gold, answer = (unlabelled(node)[1][-1] if node.kind == "relation" else node for node in (gold, answer))
        if {gold.kind, answer.kind} & {"tuple", "matrix"}:
            return self._same_labelled_tuple(gold, answer) or (self.policy.lenient and self._same_places(gold, answer))
        mine, other = members(gold), members(answer)
        if len(mine) != len(other) or len(mine) > MOST:
            return False
        names, others = labels(mine), labels(other)
        if names and others and set(names) == set(others):
            places = {label: member for label, member in zip(others, other, strict=True)}
            return all(self.same(member, places[label]) for label, member in zip(names, mine, strict=True))
        if names and not others and not any(member.kind == "relation" for member in other):
            ordered = [self.same(a, b) for a, b in zip(mine, other, strict=True)]
            return all(ordered) or (indexed(names) and self._matched(mine, other))
        return self._matched(mine, other)

    def _matched(self, mine: list[Node], other: list[Node]) -> bool:
        left = list(other)
        for member in mine:
            partner = next((i for i, one in enumerate(left) if self._same_quietly(member, one)), None)
            if partner is None:
                return False
            left.pop(partner)
        return True

    def _same_quietly(self, gold: Node, answer: Node) -> bool:
        try:
            return self.same(gold, answer)
        except Unreadable:
            return False

    def _same_labelled_tuple(self, gold: Node, answer: Node) -> bool:
        """(2, 3) and "x = 2, y = 3"."""
        places, listed = (gold, answer) if answer.kind == "list" else (answer, gold)
        if places.kind != "tuple" or listed.kind != "list" or not labels(list(listed.parts)):
            return False
        return self._same_parts(gold, answer)

    def _same_places(self, gold: Node, answer: Node) -> bool:
        """Tuples and matrices; a row or a column of a matrix is a tuple."""
        if gold.kind != answer.kind:
            gold, answer = (_as_tuple(node, self.policy.lenient) for node in (gold, answer))
        if gold.kind != answer.kind or len(gold.parts) != len(answer.parts):
            return False
        if gold.kind == "matrix":
            return all(self._same_parts(a, b) for a, b in zip(gold.parts, answer.parts, strict=True))
        return self._same_parts(gold, answer)

    def _same_ratio(self, gold: Node, answer: Node) -> bool:
        """3:4 is 6:8 and 3/4, but a time of day is only itself."""
        gold, answer = _as_ratio(gold), _as_ratio(answer)
        if gold == answer:
            return True
        if len(gold.parts) != len(answer.parts) or any(_is_clock(node) for node in (gold, answer)):
            return False
        first, other = gold.parts[0], answer.parts[0]
        cross = [
            (Node("mul", (first, b)), Node("mul", (other, a))) for a, b in zip(gold.parts, answer.parts, strict=True)
        ]
        return not refusal(gold.parts[-1], answer.parts[-1], self.policy) and all(
            equal_worth(a, b) and not _is_zero(a) for a, b in cross
        )


def _plain(node: Node) -> Node:
    """An answer without what is only a manner of writing: brackets around it, and both signs of ± as a list."""
    while node.kind == "group" or (node.kind in ("list", "set") and len(node.parts) == 1 and not node.has("pm")):
        node = node.parts[0]
    if node.kind == "relation" and _names_a_set(node):  # x in {2, 3}, A = {2, 3}
        node = node.parts[1]
    if node.kind in ("list", "set"):
        parts = tuple(signed for part in node.parts for signed in _both_signs(part))
        return Node(node.kind, parts, node.text)
    return Node("list", both, text=",") if len(both := _both_signs(node)) == 2 else node


def _names_a_set(node: Node) -> bool:
    label, worth = node.parts[:2]
    if node.text == "=":
        return is_set_label(label) and (worth.kind in SETS or (worth.kind == "tuple" and label.kind in SETS))
    return node.text == "in" and worth.kind == "set"


def _names(node: Node) -> set[str]:
    """The variables a condition is about; the one of a set builder is nobody's."""
    if node.kind == "builder":
        return set()
    if node.kind in ("sym", "call"):
        return {node.text}
    return {name for part in node.parts for name in _names(part)}


def _both_signs(node: Node) -> tuple[Node, ...]:
    return (_signed(node, r"\pm"), _signed(node, r"\mp")) if node.has("pm") else (node,)


def _signed(node: Node, positive: str) -> Node:
    parts = tuple(_signed(part, positive) for part in node.parts)
    if node.kind == "pm":
        return parts[0] if node.text == positive else Node("neg", parts, text="-")
    return Node(node.kind, parts, node.text, node.number)


def _last(gold: Node) -> Node:
    """The end of a chain that begins with a value: 1 + 1 = x = 2."""
    chain = gold.kind == "relation" and len(gold.parts) > 2 and set(gold.text.split()) == {"="}
    return gold.parts[-1] if chain and unlabelled(gold)[0] is None else gold


def _as_tuple(node: Node, from_list: bool = False) -> Node:
    if node.kind in ("list", "set") and from_list:
        return Node("tuple", node.parts)
    if node.kind != "matrix":
        return node
    if len(node.parts) == 1:
        return Node("tuple", node.parts[0].parts)
    return Node("tuple", tuple(row.parts[0] for row in node.parts)) if len(node.parts[0].parts) == 1 else node


def _as_ratio(node: Node) -> Node:
    return (
        Node("ratio", node.parts)
        if node.kind in ("ratio", "div")
        else Node("ratio", (node, Node("num", text="1", number=node.number**0)))
    )


def _is_clock(node: Node) -> bool:
    return (
        len(node.parts) == 2
        and node.parts[1].kind == "num"
        and len(node.parts[1].text) == 2
        and node.parts[1].text[0] == "0"
    )


def _endless(node: Node) -> bool:
    return node.text == ("oo" if node.kind == "const" else "infinite") and node.kind in ("const", "words")


def _is_zero(node: Node) -> bool:
    return equal_worth(node, Node("num", text="0"))
