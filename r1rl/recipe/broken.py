"""The noun of the rules: what is wrong with a recipe that is well formed but makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from r1rl.recipe.document import KeyPath
from r1rl.recipe.schema import Recipe


@dataclass(frozen=True)
class Broken:
    """One broken rule, at the key to change first.

    >>> Broken(("eval", "every"), "eval.every = 9 is more than train.steps = 5", "...", "write 5 or less").path
    ('eval', 'every')
    """

    path: KeyPath
    what: str
    why: str
    instead: str


Rule = Callable[[Recipe], Iterator[Broken]]
"""One rule: yields nothing for a sound recipe."""
