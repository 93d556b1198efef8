"""The schema's complaints, one line each: place, key, what is expected, what was found."""

from __future__ import annotations

import re
import reprlib
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.recipe.document import Document, KeyPath
from r1rl.recipe.section import Section


def from_schema(error: ValidationError, document: Document, schema: type[Section]) -> UserError:
    """One error for all that the schema found wrong with a document."""
    lines = [f"{document.place(detail['loc'])}: {_line(detail, schema)}" for detail in error.errors()]
    return UserError(
        "\n".join(lines),
        "a key that is guessed, ignored or of the wrong type would change the run in silence",
        "correct each line above",
    )


def dotted(path: KeyPath) -> str:
    """
    >>> dotted(("reward", 0, "fn"))
    'reward.0.fn'
    """
    return ".".join(str(key) for key in path)


def _line(detail: ErrorDetails, schema: type[Section]) -> str:
    *parents, key = path = detail["loc"]
    section = _section(tuple(parents), schema)
    if detail["type"] == "extra_forbidden":
        return f"unknown key `{dotted(path)}`: {did_you_mean(str(key), section.model_fields)}"
    if detail["type"] == "missing" and key in section.model_fields:
        meaning = section.model_fields[str(key)].description
        return f"missing key `{dotted(path)}`" + (f": {meaning}" if meaning else "")
    found = "nothing" if detail["input"] is None else reprlib.repr(detail["input"])
    return f"{dotted(path)} {_expected(detail)}, found {found}"


def _expected(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "model_type" | "dict_type":
            return "must be a section of keys"
        case "tuple_type":
            return "must be a list"
        case "missing":
            return "is missing from a list"
        case "string_pattern_mismatch":
            return f"must match {detail['ctx']['pattern']}"
        case "value_error":
            return detail["msg"].removeprefix("Value error, ")
        case _:
            return re.sub(r"^\w+ should", "must", detail["msg"]).replace(" after validation", "")


def _section(path: KeyPath, section: type[Section]) -> type[Section]:
    """The schema of the section at a path inside `section`, or of the nearest one above it."""
    for key in path:
        if key in section.model_fields:
            section = _inside(section.model_fields[str(key)].annotation) or section
    return section


def _inside(annotation: object) -> type[Section] | None:
    # PolicySection, WarmupSection | None or tuple[RewardSection, ...]
    parts = [annotation, *get_args(annotation)]
    return next((part for part in parts if isinstance(part, type) and issubclass(part, Section)), None)
