"""What a Python file defines, read from its text: a check must neither run a user's code nor import torch."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent


def modules(room: str) -> dict[str, Path]:
    """The modules of one of the package's rooms, such as `rewards`, by name."""
    files = sorted((PACKAGE / room).glob("*.py"))
    return {file.stem: file for file in files if not file.stem.startswith("_")}


def functions(file: Path) -> list[str]:
    """The public functions defined in a file. Raises ValueError where it is not Python.

    An assignment counts when it may make a function, such as `strict = partial(correct, strict=True)`. An import does
    not: most bring in classes.
    """
    try:
        module = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    return [name for statement in module.body for name in _defined(statement) if not name.startswith("_")]


def keywords(file: Path, name: str) -> dict[str, bool] | None:
    """The keyword-only parameters of a function and whether each must be given; None where the text does not tell."""
    for statement in ast.parse(file.read_bytes()).body:
        if isinstance(statement, ast.FunctionDef) and statement.name == name and statement.args.kwarg is None:
            parameters = statement.args
            return {a.arg: d is None for a, d in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)}
    return None


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets, value=ast.Call() | ast.Lambda() | ast.Name() | ast.Attribute()):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case _:
            return []
