"""All data sets by name: the modules of r1rl.data that hold a definition, `CORPUS`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from r1rl.corpus.definition import Corpus
from r1rl.corpus.load import problems
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.types import Problem


def corpora() -> dict[str, Corpus]:
    """Every set, by name."""
    return {module.CORPUS.name: module.CORPUS for module in _modules().values() if hasattr(module, "CORPUS")}


def generators() -> dict[str, str]:
    """The sources without a definition, which make their problems, and the first line of their description."""
    return {
        name: (module.__doc__ or "").partition("\n")[0]
        for name, module in _modules().items()
        if hasattr(module, "source") and not hasattr(module, "CORPUS")
    }


def trainable(name: str) -> bool:
    """May a recipe train on it? Evaluation sets have no `source`."""
    return hasattr(importlib.import_module(f"r1rl.data.{name}"), "source")


def corpus(name: str) -> Corpus:
    """The set of that name. Raises UserError."""
    known = corpora()
    if name not in known:
        raise UserError(
            f"there is no data set {name}", "sets are named as their files in data/", did_you_mean(name, known)
        )
    return known[name]


def benchmark(names: Iterable[str]) -> list[Problem]:
    """The problems of some sets together, to hold training data against. Raises UserError."""
    return [problem for name in names for problem in problems(corpus(name))]


def _modules() -> dict[str, ModuleType]:
    """The modules of the room, found by looking: nothing in this package imports a definition."""
    room = importlib.import_module("r1rl.data")
    names = sorted(module.name for module in pkgutil.iter_modules(room.__path__))
    return {name: importlib.import_module(f"r1rl.data.{name}") for name in names}
