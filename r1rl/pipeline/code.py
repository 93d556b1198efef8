"""A digest of the code that makes an artefact: all modules of r1rl that its own reach by imports, comments apart.

Read from the sources, without importing them: also imports inside functions count.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
NAME = PACKAGE.name


def digest(modules: Iterable[str], files: Iterable[Path] = ()) -> str:
    """sha256 over the syntax of the modules, of what they import of r1rl, and of further files."""
    total = hashlib.sha256()
    for file in sorted({*closure(modules), *files}):
        total.update(f"{file.name}\n{_syntax(file)}\n".encode())
    return total.hexdigest()


def closure(modules: Iterable[str]) -> set[Path]:
    """The sources of these modules and of all that they import of this package, directly or not."""
    found: set[Path] = set()
    waiting = [file for module in modules for file in _sources(module)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += [source for module in _imports(file) for source in _sources(module)]
    return found


@cache
def _syntax(file: Path) -> str:
    """The program that a file is, whatever its comments, docstrings and layout are."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return ast.dump(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _imports(file: Path) -> tuple[str, ...]:
    return tuple(_imported(ast.parse(file.read_bytes())))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _sources(module: str) -> list[Path]:
    """The file of a module of this package, with those of the packages that it is in; none for anything else."""
    parts = module.split(".")
    if parts[0] != NAME:
        return []
    inits = [PACKAGE.joinpath(*parts[1:n], "__init__.py") for n in range(1, len(parts) + 1)]
    own = PACKAGE.joinpath(*parts[1:]).with_suffix(".py") if parts[1:] else PACKAGE / "__init__.py"
    return [file for file in (*inits, own) if file.is_file()]
