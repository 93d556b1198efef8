"""The algorithms that a recipe can name: one file each, found by its name. A new file here is a new algorithm."""

from __future__ import annotations

import importlib
import pkgutil

from r1rl.algorithm import Algorithm
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean


def names() -> list[str]:
    """All of them, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def get(name: str) -> Algorithm:
    """The algorithm of this name: ALGORITHM in the file of that name. Raises UserError with the nearest one.

    >>> get("grpo").kl
    0.001
    """
    if name not in names():
        raise UserError(
            f"there is no algorithm `{name}`",
            "the name picks the advantage and the numbers of the loss",
            did_you_mean(name, names()),
        )
    algorithm: Algorithm = importlib.import_module(f"{__name__}.{name}").ALGORITHM
    return algorithm
