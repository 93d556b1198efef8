"""Two documents as one: what the upper says wins, the lower fills the gaps. Places are kept, so errors name lines."""

from __future__ import annotations

from typing import Any

from r1rl.recipe.document import Document, KeyPath


def merge(upper: Document, lower: Document) -> Document:
    """Sections are merged key by key, lists and values are not: the upper's stands.

    >>> a = Document({"learner": {"lr": 1}}, {(): "a.yaml"})
    >>> merge(a, Document({"learner": {"lr": 2, "betas": [0, 0]}}, {(): "b.yaml"})).data
    {'learner': {'lr': 1, 'betas': [0, 0]}}
    """
    return Document(_merged(upper.data, lower.data), {**lower.places, **upper.places})


def part(document: Document, path: KeyPath) -> Document:
    """The section at a path as a document of its own. An absent one is empty, and stands where it would stand."""
    data: Any = document.data
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    below = {old[len(path) :]: place for old, place in document.places.items() if old[: len(path)] == path}
    return Document({} if data is None else data, {(): document.place(path), **below})


def without(document: Document, *keys: str) -> Document:
    """The document without some of its keys."""
    data = {key: value for key, value in document.data.items() if key not in keys}
    return Document(data, {path: place for path, place in document.places.items() if not path or path[0] not in keys})


def _merged(upper: Any, lower: Any) -> Any:
    if not (isinstance(upper, dict) and isinstance(lower, dict)):
        return upper
    return {key: _merged(upper[key], lower[key]) if key in lower else upper[key] for key in upper} | {
        key: lower[key] for key in lower if key not in upper
    }
