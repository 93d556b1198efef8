"""How one word of YAML becomes a value, and back.

YAML 1.2's core schema (yaml.org/spec/1.2.2, chapter 10.3) instead of PyYAML's version 1.1: `3e-4` is a number, `yes` a
text and `010` ten. Left out, because no recipe needs them: infinity, NaN, hexadecimal and octal numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

TAG = "tag:yaml.org,2002:"

_PLAIN = {
    "null": r"(~|null|Null|NULL|)\Z",
    "bool": r"(true|True|TRUE|false|False|FALSE)\Z",
    "int": r"[-+]?[0-9]+\Z",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z",
    "merge": r"<<\Z",
}


class Loader(yaml.SafeLoader):
    """Used up to the node graph only; `document` does the rest."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  not PyYAML's table but the one above


class Dumper(yaml.SafeDumper):
    """Quotes exactly the texts that Loader would take for something else."""

    yaml_implicit_resolvers = {}  # noqa: RUF012


for _name, _pattern in _PLAIN.items():
    Loader.add_implicit_resolver(TAG + _name, re.compile(_pattern), None)
    Dumper.add_implicit_resolver(TAG + _name, re.compile(_pattern), None)


def _text(text: str) -> str:
    text.encode()  # half of a surrogate pair, which YAML's escapes can write, could never be saved again
    return text


CONVERT: dict[str, Callable[[str], Any]] = {
    TAG + "null": lambda text: None,
    TAG + "bool": lambda text: text.lower() == "true",
    TAG + "int": int,
    TAG + "float": float,
    TAG + "str": _text,
}
"""From a scalar's tag to what makes a value of its text; raises ValueError."""
