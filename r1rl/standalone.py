"""Evaluation of a checkpoint on its own: the same engines, prompts and judges as in training, no learner."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from r1rl import chat, checkpoint, cluster
from r1rl.crew import Crew
from r1rl.errors import UserError
from r1rl.evaluate import Accuracy, held_out, held_out_problems
from r1rl.policy.folder import architecture
from r1rl.recipe import Recipe, load_recipe
from r1rl.report import percent
from r1rl.reward import judges
from r1rl.run import write_atomically
from r1rl.stream import open_source

SUITES = ("heldout",)


def evaluate_checkpoint(
    console: Console, path: Path, suite: str, problems: int | None, temperature: float | None
) -> Accuracy:
    """Prints the accuracy of a checkpoint and writes it into its run's evals/. Raises UserError for a wrong path."""
    if suite not in SUITES:
        raise UserError(f"there is no suite {suite!r}", "it says what is asked", f"write one of: {', '.join(SUITES)}")
    folder = _checkpoint(path)
    run = folder.parent.parent
    recipe = load_recipe(run / "recipe.yaml")
    count = problems or recipe.eval.problems
    heat = recipe.eval.temperature if temperature is None else temperature
    console.print(f"{folder}: {count} problems of {suite}, temperature {heat:g}", highlight=False)
    found = _evaluate(recipe, folder, run / "logs", count, heat)
    result = {"checkpoint": str(folder), "suite": suite, "temperature": heat} | found.numbers()
    target = run / "evals" / f"{suite}-{folder.name}-t{heat:g}.json"
    target.parent.mkdir(exist_ok=True)
    write_atomically(target, json.dumps(result, indent=1))
    console.print(f"{suite}: {percent(found)}\nwritten to {target}", highlight=False)
    return found


def _evaluate(recipe: Recipe, folder: Path, logs: Path, problems: int, temperature: float) -> Accuracy:
    source = open_source(recipe.data.source, recipe.seed, dict(recipe.data.options))
    asked = held_out_problems(source, problems)
    version = checkpoint.read(folder).version
    with ExitStack() as stack:
        stack.enter_context(cluster.connected(recipe.ray.address))
        hw = cluster.hardware(recipe.policy.dtype)
        engines = stack.enter_context(cluster.engines(recipe, hw, folder, architecture(folder), logs, version))
        starting = [engine.call("start") for engine in engines]
        crew = Crew(
            recipe=recipe,
            dtype=hw.dtype,
            tokenizer=chat.load_tokenizer(folder),
            judges=stack.enter_context(judges(recipe, logs / "judges.log")),
            rollouts=cluster.rollouts(recipe, engines, starting),
        )
        return held_out(crew, asked, temperature)


def _checkpoint(path: Path) -> Path:
    if (path / checkpoint.STATE).is_file():
        return path
    newest = checkpoint.latest(path)
    if newest is None:
        raise UserError(
            f"{path} is neither a checkpoint nor a run with one",
            "evaluation needs the policy and the recipe it was trained by",
            "give a run folder (runs/…) or a folder in its checkpoints/",
        )
    return newest
