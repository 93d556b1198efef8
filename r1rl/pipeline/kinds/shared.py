"""What several kinds of stages need: a training recipe from shared defaults, and where a policy lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1rl import checkpoint
from r1rl.pipeline.stage import Context
from r1rl.recipe import Recipe
from r1rl.recipe.document import Document
from r1rl.recipe.load import obey, validated
from r1rl.recipe.merge import merge, part
from r1rl.recipe.rules import broken_rules
from r1rl.recipe.section import Section
from r1rl.recipe.source_code import modules
from r1rl.run import Run

LATER = "pipeline/{}"  # stands for the policy of a stage that is not there yet: as good as a hub id


def recipe_of(document: Document, context: Context, policy: str | None) -> Recipe:
    """A stage's training recipe: its own keys, then the shared defaults. Raises UserError with places.

    Args:
        policy: the stage, path or hub id that the policy comes from; None: the recipe says it.
    """
    whole = named(document, context, Recipe, policy)
    recipe = validated(whole, Recipe)
    obey(broken_rules(recipe), whole)
    return recipe


def asked_only(document: Document, context: Context, policy: str | None) -> Recipe:
    """The same for a stage that trains nothing by rewards: how to train need not be said."""
    needed: dict[str, object] = {"learner": {"lr": 1.0}, "train": {"steps": 2**31 - 1}}
    absent = {key: value for key, value in needed.items() if key not in context.defaults.data}
    recipe = {**absent, "train": needed["train"], **document.data.get("recipe", {})}
    return recipe_of(Document({**document.data, "recipe": recipe}, document.places), context, policy)


def named(document: Document, context: Context, schema: type[Section], policy: str | None) -> Document:
    """The document of a stage's recipe, not yet checked: with defaults, name, seed and policy."""
    defaults = context.defaults
    shared = {key: value for key, value in defaults.data.items() if key in schema.model_fields}
    own: dict[str, Any] = {"name": context.name, "seed": context.seed}
    if policy is not None:
        own["policy"] = {"path": stand_in(policy, context), "init": None}
    filled = merge(part(document, ("recipe",)), Document(shared, defaults.places))
    return merge(Document(own, {}), filled)


def stand_in(policy: str, context: Context) -> str:
    return LATER.format(policy) if policy in context.earlier else policy


def told(recipe: Section) -> Mapping[str, Any]:
    """A recipe as plain data, without what decides nothing: where it runs, and how long it may take."""
    found = recipe.model_dump(mode="json", exclude={"ray", "claim", "audit"})
    for section, key in (
        ("judge", "deadline_s"),
        ("judge", "workers"),
        ("learner", "deadline_s"),
        ("rollout", "start_deadline_s"),
        ("rollout", "step_deadline_s"),
        ("train", "checkpoint_every"),
        ("train", "show"),
    ):
        if isinstance(found.get(section), dict):
            found[section].pop(key, None)
    if isinstance(found.get("policy"), dict):
        found["policy"].pop("path", None)  # the parents say it, by their content
    return found


def rooms(recipe: Recipe) -> tuple[Path, ...]:
    """The files of rewards and data that a recipe names."""
    named = [("rewards", part.fn.rpartition(":")[0]) for part in recipe.reward] + [("data", recipe.data.source)]
    if recipe.data.source == "mixture":
        named += [("data", key) for key in recipe.data.options if "." not in key]
        judges = [value for key, value in recipe.data.options.items() if key.endswith(".judge")]
        named += [("rewards", str(judge).rpartition(":")[0]) for judge in judges]
    return tuple(modules(room).get(name, Path(name)) for room, name in named)


def newest_policy(run: Path) -> Path:
    """The policy that a run has made; the run itself while it has none."""
    return checkpoint.latest(run) or run


def started(folder: Path, recipe: Recipe) -> Run:
    """A new run in the folder, or the one that is there."""
    return Run.resume(folder, recipe) if (folder / "recipe.yaml").exists() else Run.create(folder, recipe)


def version(folder: Path) -> int:
    """The version of a policy: of a run's checkpoint its own, else 0."""
    return checkpoint.read(folder).version if (folder / checkpoint.STATE).is_file() else 0


def accuracy(run: Path) -> dict[str, float]:
    """The held-out numbers after a run's last step, and before its first."""
    from r1rl import metrics

    rows = [row for row in metrics.read(run) if "eval/accuracy" in row]
    names = ("accuracy", "low", "high", "n", "tokens")
    found = {name: rows[-1][f"eval/{name}"] for name in names}
    return found | {f"before_{name}": rows[0][f"eval/{name}"] for name in names}
