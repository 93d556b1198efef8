"""A recipe back to YAML, and two recipes compared: what a run folder keeps and what a resumed run asks."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from r1rl.recipe.document import KeyPath
from r1rl.recipe.mistakes import dotted
from r1rl.recipe.scalars import Dumper
from r1rl.recipe.schema import Recipe
from r1rl.recipe.section import Section

MAY_CHANGE_ON_RESUME = frozenset(
    {
        "eval.every",
        "judge.deadline_s",
        "learner.deadline_s",
        "learner.ranks",
        "ray.address",
        "rollout.start_deadline_s",
        "rollout.step_deadline_s",
        "train.checkpoint_every",
        "train.show",
        "train.steps",
    }
)
"""Keys that say how long and where a run goes on, not what it computes at a step."""


def dump_recipe(recipe: Section) -> str:
    """The recipe as YAML with every key written out; loading it gives an equal recipe.

    Pure ASCII, the rest escaped: PyYAML would write the line break U+0085 bare, and it would read back as a space.
    """
    return yaml.dump(recipe.model_dump(), Dumper=Dumper, sort_keys=False, width=120)


def diff_recipes(a: Recipe, b: Recipe) -> list[str]:
    """Dotted keys that differ, in recipe order; a key that only one of them has differs.

    >>> from r1rl.recipe import load_recipe
    >>> diff_recipes(load_recipe("r1_zero_tiny"), load_recipe("r1_zero_tiny", ["learner.lr=1e-6", "reward.1.weight=2"]))
    ['reward.1.weight', 'learner.lr']
    """
    flat_a, flat_b = dict(_leaves(a.model_dump(), ())), dict(_leaves(b.model_dump(), ()))
    absent = object()
    return [key for key in {**flat_a, **flat_b} if flat_a.get(key, absent) != flat_b.get(key, absent)]


def _leaves(value: object, path: KeyPath) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, index))
    else:
        yield dotted(path), value
