"""YAML text to plain data that remembers where each value stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from r1rl.errors import UserError
from r1rl.recipe.scalars import CONVERT, TAG, Loader

KeyPath = tuple[str | int, ...]
"""Where a value is: ("reward", 0, "weight")."""

MAX_VALUES = 2_000  # counted with aliases expanded: ten lines of them can hold a billion


@dataclass(frozen=True)
class Document:
    """Plain data and the place of each key, for errors.

    >>> d = read("learner:\\n  lr: 3e-4\\n", "x.yaml", lambda line: f"x.yaml:{line}")
    >>> d.data, d.place(("learner", "lr"))
    ({'learner': {'lr': 0.0003}}, 'x.yaml:2')
    """

    data: Any
    places: dict[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """Where a key stands; for one that is missing, where the section stands that misses it."""
        return next(self.places[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.places)


def read(text: str, name: str, place: Callable[[int], str]) -> Document:
    """Parse one YAML document called `name`, of which `place` names a line, counted from 1. Raises UserError."""
    builder = _Builder(place)
    try:
        node = Loader(text).get_single_node()
        data = None if node is None else builder.value(node, ())
    except yaml.YAMLError as error:
        raise _not_yaml(error, name, place) from None
    except RecursionError:
        raise _unreadable(name, "is nested too deeply", "a recipe has sections, keys and values: flatten it") from None
    except (ValueError, OverflowError) as error:  # what PyYAML raises for an escape beyond Unicode
        raise _unreadable(name, f"is not YAML: {error}", "correct the escape in the quoted text") from None
    return Document(data, {**builder.places, (): name})


@dataclass
class _Builder:
    """Turns nodes into data, noting places and counting values."""

    place: Callable[[int], str]
    places: dict[KeyPath, str] = field(default_factory=dict)
    values: int = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._count(node)
        if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
            return self._sequence(node, path)
        if isinstance(node, yaml.ScalarNode) and node.tag in CONVERT:
            return self._scalar(node)
        raise self._error(node, f"has the tag {node.tag}", "a recipe has plain values only: remove the tag")

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        pairs = self._pairs(node)
        self.places |= {(*path, key): place for key, (place, _) in pairs.items()}
        return {key: self.value(child, (*path, key)) for key, (_, child) in pairs.items()}

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        self.places |= {(*path, index): self._place(child) for index, child in enumerate(node.value)}
        return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            return CONVERT[node.tag](node.value)
        except ValueError as error:
            raise self._error(node, f"has a value that cannot be read: {error}", "write a plain value") from None

    def _pairs(self, node: yaml.MappingNode) -> dict[str, tuple[str, yaml.Node]]:
        """A mapping's keys with place and value. `<<` brings in those of other mappings; the first and its own win."""
        own: dict[str, tuple[str, yaml.Node]] = {}
        merged: dict[str, tuple[str, yaml.Node]] = {}
        for key_node, child in node.value:
            key = key_node.value
            if key_node.tag == TAG + "merge":
                for source in self._sources(child):
                    merged = self._pairs(source) | merged
            elif not isinstance(key, str):
                raise self._error(key_node, "has a list or a section for a key", "a key is one word")
            elif key in own:
                raise self._error(key_node, f"has the key `{key}` a second time", "keep one of the two")
            else:
                own[key] = (self._place(key_node), child)
        return merged | own

    def _sources(self, node: yaml.Node) -> Iterator[yaml.MappingNode]:
        for source in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            self._count(source)
            if not isinstance(source, yaml.MappingNode):
                raise self._error(source, "merges (`<<`) what is not a section", "merge an alias of a section")
            yield source

    def _count(self, node: yaml.Node) -> None:
        self.values += 1
        if self.values > MAX_VALUES:
            raise self._error(node, f"has more than {MAX_VALUES} values, aliases expanded", "write it shorter")

    def _place(self, node: yaml.Node) -> str:
        return self.place(node.start_mark.line + 1)

    def _error(self, node: yaml.Node, what: str, instead: str) -> UserError:
        return _unreadable(self._place(node), what, instead)


def _not_yaml(error: yaml.YAMLError, name: str, place: Callable[[int], str]) -> UserError:
    mark = getattr(error, "problem_mark", None)
    parts = [getattr(error, part, None) for part in ("context", "problem", "reason")]
    return _unreadable(
        name if mark is None else place(mark.line + 1),
        f"is not YAML: {', '.join(part for part in parts if part)}",
        "correct that line; quote texts with `: ` or ` #` in them",
    )


def _unreadable(place: str, what: str, instead: str) -> UserError:
    return UserError(f"{place} {what}", "a recipe is read whole before anything starts, or not at all", instead)
