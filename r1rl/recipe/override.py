"""Overrides from the command line: `learner.lr=2e-6`, `reward.0.weight=0`, `data.options={digits: 4}`."""

from __future__ import annotations

from typing import Any

from r1rl.errors import UserError
from r1rl.recipe.document import Document, KeyPath, read


def override(document: Document, text: str) -> Document:
    """The document with one dotted key set to a YAML value. Whether the key exists is for the schema to say.

    >>> override(Document({"learner": {"lr": 1}}, {(): "x.yaml"}), "learner.lr=2e-6").data
    {'learner': {'lr': 2e-06}}
    """
    place = f"override `{text}`"
    dotted, equals, value = text.partition("=")
    keys = dotted.strip().split(".")
    if not equals or not all(keys):
        raise _refused(place, "is not of the form key=value", "write it like `learner.lr=2e-6`")
    data, path = _set(document.data, keys, read(value, place, lambda line: place).data, place)
    made = {path[:n]: place for n in range(1, len(path) + 1)}  # sections that were absent stand where the key stands
    kept = {old: where for old, where in document.places.items() if old[: len(path)] != path}
    return Document(data, made | kept)


def _set(node: Any, keys: list[str], value: Any, place: str) -> tuple[Any, KeyPath]:
    """A copy of `node` in which the value at `keys` is another, and the path to it."""
    if not keys:
        return value, ()
    if node is None:  # a section that is absent so far, such as `warmup: null`
        node = {}
    if isinstance(node, dict):
        key: str | int = keys[0]
        child, path = _set(node.get(key), keys[1:], value, place)
        return {**node, key: child}, (key, *path)
    if isinstance(node, list):
        index = _index(keys[0], len(node), place)
        child, path = _set(node[index], keys[1:], value, place)
        return [*node[:index], child, *node[index + 1 :]], (index, *path)
    raise _refused(place, f"wants `{keys[0]}` inside the plain value {node!r}", "name a key of a section")


def _index(key: str, length: int, place: str) -> int:
    if key not in map(str, range(length)):
        raise _refused(place, f"wants item `{key}` of a list of {length}", "items count from 0 and must exist already")
    return int(key)


def _refused(place: str, what: str, instead: str) -> UserError:
    return UserError(f"{place} {what}", "it would change nothing, or something else than you meant", instead)
