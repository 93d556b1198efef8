"""Labels of values: the x of "x = 3", the f(x) of "f(x) = x + 1", the Paolo of "Paolo: 18"."""

from __future__ import annotations

from r1rl.answer.scalars import renamed
from r1rl.answer.tree import Node

FIGURES = {r"\angle", r"\measuredangle", r"\triangle", r"\overline", "m"}


def unlabelled(node: Node) -> tuple[Node | None, list[Node]]:
    """The label of an equation and its values, each marked if it is said to be only near ("≈"); no label: (None, …)."""
    signs = node.text.split()
    if node.kind != "relation" or not set(signs) <= {"=", "~"}:
        return None, [node]
    parts = [
        Node("approx", (part,)) if sign == "~" and place else part
        for place, (sign, part) in enumerate(zip(["=", *signs], node.parts, strict=True))
    ]
    if any(_speaks_of(part, parts[0]) for part in parts[1:]):  # f'(x) = f(x), x = 2x + 1: equations to be solved
        return None, parts
    names = [part for part in parts if part.kind == "sym"]
    nothing = parts[-1].kind == "sym" or (parts[-1].kind == "num" and not parts[-1].number)
    if parts[0].kind == "mul" and nothing:  # AB = 0 and AB = I say something about both
        return None, parts
    if is_label(parts[0]) and (len(names) < 2 or parts[0].kind == "call"):  # A = B is a relation of two names
        return parts[0], [parts[1].parts[0] if parts[1].kind == "approx" else parts[1], *parts[2:]]
    return (Node("sym", text="≈"), parts) if set(signs) == {"~"} else (None, parts)


def _speaks_of(worth: Node, label: Node) -> bool:
    name = label.text.rstrip("'") if label.kind in ("sym", "call") else ""
    return bool(name) and any(node.kind in ("sym", "call") and node.text.rstrip("'") == name for node in worth.walk())


def is_label(node: Node) -> bool:
    """A name for a value: x, f(x), (x, y), or a figure's AB, |AB|, NO/BO; not 7, not x + 1, and not a product x y."""
    if node.kind in ("mul", "div", "abs", "ratio"):
        figure = all(name[:1].isupper() or name in FIGURES for name in node.symbols())
        return figure and all(is_label(part) for part in node.parts)
    if node.kind in ("tuple", "group", "deg"):
        return all(is_label(part) for part in node.parts)
    return node.kind in ("sym", "call", "words", "fn")


def renamed_call(label: Node, other: Node, worth: Node) -> Node | None:
    """f(z) = z under the label f(x): the same function of another variable."""
    label, other = _indexed(label), _indexed(other)
    if label.kind != "call" or other.kind != "call" or label.text != other.text or len(label.parts) != len(other.parts):
        return None
    for mine, theirs in zip(label.parts, other.parts, strict=True):
        if mine.kind != "sym" or theirs.kind != "sym":
            return None
        if mine.text != theirs.text and mine.text in worth.symbols():
            return None
        worth = renamed(worth, theirs.text, mine.text)
    return worth


def _indexed(label: Node) -> Node:
    """The n-th of a sequence as a function: a_n as a(n)."""
    name, _, index = label.text.partition("_")
    if label.kind == "sym" and len(index) == 1 and index.isalpha():
        return Node("call", (Node("sym", text=index),), text=name)
    return label


def same_name(label: Node, other: Node) -> bool:
    """The same name, or two ways to name one thing: AB and |AB|, y and y(x), S and S_(ABC), a word (Area) and any."""
    mine, theirs = label.symbols(), other.symbols()
    figure = mine == theirs and all(name.isupper() or name in FIGURES for name in mine)
    if label == other or figure or any(len(name) > 1 and name.isalpha() for name in mine | theirs):
        return True
    (name, _, index), (their, _, theirs_index) = label.text.partition("_"), other.text.partition("_")
    if {label.kind, other.kind} == {"sym", "call"}:  # y and f(x), y and y(x), S_n and S(n)
        variable = label if label.kind == "sym" else other
        return (
            _indexed(label) == _indexed(other)
            or variable.text == "y"
            or (name == their and not (index or theirs_index))
        )
    return name == their and label.kind == other.kind == "sym" and not (index and theirs_index)


def is_set_label(node: Node) -> bool:
    r"""A name for a set: A, A \cup B, C_U A."""
    if node.kind in ("union", "cap", "setminus", "group", "mul"):
        return all(is_set_label(part) for part in node.parts)
    return node.kind == "sym" and node.text[:1].isupper()


def spread(node: Node) -> Node:
    """a = b = 3 as the list a = 3, b = 3; anything else as it is."""
    names, worth = node.parts[:-1], node.parts[-1:]
    if node.kind != "relation" or len(names) < 2 or set(node.text.split()) != {"="} or worth[0].symbols():
        return node
    if any(name.kind != "sym" for name in names):
        return node
    return Node("list", tuple(Node("relation", (name, *worth), text="=") for name in names), text=",")


def members(node: Node) -> list[Node]:
    """The members of a list or set; one label before all of them ("n = 1, 2, 3") is nobody's."""
    if node.kind not in ("list", "set"):
        return [node]
    found = [
        inner
        for part in node.parts
        for inner in (members(part) if part.kind == "set" and node.kind == "list" else [part])
    ]
    label, values = unlabelled(found[0]) if found else (None, [])
    if label is not None and not any(member.kind == "relation" for member in found[1:]) and len(found) > 1:
        found[0] = values[-1]
    return found


def labels(members: list[Node]) -> list[Node]:
    """The labels of labelled members, if all have one and no two the same: then they tell the members apart."""
    labels = [unlabelled(member)[0] for member in members]
    found = [label for label in labels if label is not None]
    return found if len(found) == len(members) == len(set(found)) and len(found) > 1 else []


def indexed(labels: list[Node]) -> bool:
    """x_1, x_2: solutions, in no order."""
    return len({label.text.partition("_")[0] for label in labels}) == 1 and all("_" in label.text for label in labels)
