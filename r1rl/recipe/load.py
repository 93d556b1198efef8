"""From a path and overrides to a checked recipe: find, read, override, check against the schema, check the rules."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import ValidationError

from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.recipe.broken import Broken
from r1rl.recipe.document import Document, read
from r1rl.recipe.mistakes import from_schema
from r1rl.recipe.override import override
from r1rl.recipe.rules import RULES, WITHOUT_TEACHER, broken_rules
from r1rl.recipe.schema import Recipe
from r1rl.recipe.section import Section

AnySection = TypeVar("AnySection", bound=Section)

PACKAGED = Path(__file__).parent.parent / "recipes"
MAX_BYTES = 100_000  # a recipe has about 2,000; PyYAML would read a megabyte for ten seconds


class Listed(NamedTuple):
    """A packaged recipe: `load_recipe(name)` loads it."""

    name: str
    claim: str
    path: Path


def load_recipe(path: Path | str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe at a path, or the packaged one of that name, checked completely. Raises UserError.

    >>> load_recipe("r1_zero_tiny", ["learner.lr=2e-6"]).learner.lr
    2e-06
    """
    document = read_document(path, overrides)
    recipe = validated(document, Recipe)
    obey(broken_rules(recipe, RULES + WITHOUT_TEACHER), document)
    return recipe


def read_document(path: Path | str, overrides: Sequence[str] = ()) -> Document:
    """The file at a path, or the packaged one of that name, with overrides in it. Raises UserError."""
    return _overridden(_read_file(find_recipe(Path(path))), overrides)


def from_overrides(schema: type[AnySection], overrides: Sequence[str], name: str) -> AnySection:
    """A section of which only these keys are given; `name` says where. Raises UserError.

    >>> from r1rl.recipe.schema import JudgeSection
    >>> from_overrides(JudgeSection, ["workers=2"], "--judge").workers
    2
    """
    return validated(_overridden(Document({}, {(): name}), overrides), schema)


def _overridden(document: Document, overrides: Sequence[str]) -> Document:
    for text in overrides:
        document = override(document, text)
    return document


def read_recipe(path: Path | str, overrides: Sequence[str] = ()) -> tuple[Recipe, list[UserError]]:
    """The recipe, checked against the schema alone, and the rules that it breaks. Raises UserError."""
    document = read_document(path, overrides)
    recipe = validated(document, Recipe)
    return recipe, _placed(broken_rules(recipe, RULES + WITHOUT_TEACHER), document)


def kept_recipe(path: Path) -> Recipe:
    """The recipe that a run has kept, checked against the schema alone: what it began from may be gone by now."""
    return validated(_read_file(path), Recipe)


def list_recipes() -> list[Listed]:
    """The packaged recipes, by name."""
    found = [(file, _read_file(file).data) for file in sorted(PACKAGED.glob("*.yaml"))]
    return [Listed(file.stem, data.get("claim", ""), file) for file, data in found]


def find_recipe(path: Path) -> Path:
    """The file meant by a path, or by the bare name of a packaged recipe."""
    packaged = [PACKAGED / f"{path}.yaml"] if len(path.parts) == 1 else []
    for file in (path, *packaged):
        if os.path.isfile(file):  # unlike Path.is_file, it says no where the system does not let it look
            return file
    folder = path if os.path.isdir(path) else path.parent
    nearby = [file.name for file in folder.glob("*.yaml")] + [file.stem for file in PACKAGED.glob("*.yaml")]
    what = f"recipe {path} is a folder" if folder == path else f"there is no recipe {path}"
    raise UserError(what, "a run is described by one YAML file", did_you_mean(path.name, nearby))


def _read_file(file: Path) -> Document:
    if file.stat().st_size > MAX_BYTES:
        why = f"a recipe is a page of text, {MAX_BYTES} bytes at most"
        raise UserError(f"recipe {file} has {file.stat().st_size} bytes", why, "name the recipe, not its data")
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"recipe {file} cannot be read: {error}", "it must be UTF-8 text", "save it as UTF-8") from None
    document = read(text, str(file), lambda line: f"{file}:{line}")
    if not isinstance(document.data, dict):
        found = "is empty" if document.data is None else f"holds a {type(document.data).__name__}, no keys"
        raise UserError(f"recipe {file} {found}", "a recipe is sections of keys", "start from a packaged recipe")
    return document


def validated(document: Document, schema: type[AnySection]) -> AnySection:
    """The document as a schema has it. Raises UserError for all that is wrong, with places."""
    try:
        return schema.model_validate(document.data)
    except ValidationError as error:
        raise from_schema(error, document, schema) from None


def _placed(rules: Sequence[Broken], document: Document) -> list[UserError]:
    return [UserError(f"{document.place(broken.path)}: {broken.what}", broken.why, broken.instead) for broken in rules]


def obey(rules: Sequence[Broken], document: Document) -> None:
    """Raises UserError for the rules that a recipe breaks, with their places in the document."""
    errors = _placed(rules, document)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise UserError(
            f"{document.place(())} breaks {len(errors)} rules\n"
            + textwrap.indent("\n".join(str(error) for error in errors), "  "),
            "each alone would stop the run or empty its result of meaning",
            "change them all, as said at each",
        )
