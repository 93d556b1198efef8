"""Recipes: YAML, checked completely in the first second, without torch."""

from r1rl.recipe.dump import MAY_CHANGE_ON_RESUME, diff_recipes, dump_recipe
from r1rl.recipe.load import Listed, find_recipe, kept_recipe, list_recipes, load_recipe, read_recipe
from r1rl.recipe.schema import Recipe

__all__ = [
    "MAY_CHANGE_ON_RESUME",
    "Listed",
    "Recipe",
    "diff_recipes",
    "dump_recipe",
    "find_recipe",
    "kept_recipe",
    "list_recipes",
    "load_recipe",
    "read_recipe",
]
