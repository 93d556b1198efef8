"""Sums and products of matrices, worked out: for the lenient policy only, since they are no answers yet."""

from __future__ import annotations

from r1rl.answer.tree import Node


def worked_out(node: Node) -> Node:
    r"""A sum or product of matrices as one matrix; anything else as it is.

    >>> from r1rl.answer.reader import read
    >>> row = r"\begin{pmatrix}1&2\end{pmatrix}"
    >>> [part.kind for part in worked_out(read(f"{row}+{row}")).parts[0].parts]
    ['add', 'add']
    """
    parts = [worked_out(part) for part in node.parts] if node.kind in ("add", "mul", "group") else []
    if not parts or any(part.kind != "matrix" for part in parts):
        return node
    while len(parts) > 1:
        combined = (_sum if node.kind == "add" else _product)(*parts[:2])
        if combined is None:
            return node
        parts[:2] = [combined]
    return parts[0]


def _sum(one: Node, other: Node) -> Node | None:
    if [len(row.parts) for row in one.parts] != [len(row.parts) for row in other.parts]:
        return None
    return _matrix([
        [Node("add", pair) for pair in zip(mine.parts, theirs.parts, strict=True)]
        for mine, theirs in zip(one.parts, other.parts, strict=True)
    ])  # fmt: skip


def _product(one: Node, other: Node) -> Node | None:
    if len(one.parts[0].parts) != len(other.parts):
        return None
    columns = list(zip(*(row.parts for row in other.parts), strict=True))
    return _matrix([
        [Node("add", tuple(Node("mul", pair) for pair in zip(row.parts, column, strict=True))) for column in columns]
        for row in one.parts
    ])  # fmt: skip


def _matrix(rows: list[list[Node]]) -> Node:
    return Node("matrix", tuple(Node("row", tuple(row)) for row in rows))
