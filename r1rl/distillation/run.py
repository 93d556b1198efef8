"""A distillation from its recipe: which of the ways to learn, and what is the same for all of them."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from r1rl import chat, checkpoint, cluster, provenance
from r1rl.distillation import supervised
from r1rl.errors import UserError
from r1rl.policy.folder import local
from r1rl.provenance import Lineage, Parent
from r1rl.recipe import Recipe, dump_recipe
from r1rl.recipe.distill import DistillRecipe
from r1rl.report import Report
from r1rl.run import Run, write_atomically
from r1rl.teacher import require_same_tokenizer, teacher
from r1rl.traces.lessons import Lessons
from r1rl.train import train

RECIPE, PARENTS = "distill.yaml", "parents.json"


def distill(recipe: DistillRecipe, folder: Path, resume: bool, console: Console) -> None:
    """Runs a distillation to its end. Raises R1Error."""
    if recipe.teacher is not None:
        assert recipe.policy.path is not None
        student = chat.load_tokenizer(local(recipe.policy.path))
        require_same_tokenizer(student, chat.load_tokenizer(local(recipe.teacher.path)))
    taught = supervised.open_lessons(recipe) if recipe.traces is not None else None
    as_run = recipe.as_run(_steps(recipe, taught))
    run = Run.resume(folder, as_run) if resume else Run.create(folder, as_run)
    _claim(recipe, run)
    with Report(console, as_run, run) as report:
        if taught is None:
            _on_policy(recipe, as_run, run, report)
        else:
            _tell(report, taught)
            supervised.learn(as_run, taught, recipe.train.batch, run, report, supervised.teaching_of(recipe))
        report.finish()


def lineage(recipe: DistillRecipe, folder: Path) -> Lineage:
    """Where the student in a finished run's folder comes from."""
    found = checkpoint.latest(folder)
    assert found is not None
    parents = {role: Parent(**parent) for role, parent in json.loads((folder / PARENTS).read_text()).items()}
    return Lineage(kind="distill", digest=provenance.digest(found), parents=parents, recipe=recipe.model_dump())


def _on_policy(recipe: DistillRecipe, as_run: Recipe, run: Run, report: Report) -> None:
    assert recipe.teacher is not None
    settings = as_run.rollout.temperature, as_run.microbatch_tokens, as_run.learner.deadline_s
    with cluster.connected(as_run.ray.address):
        hw = cluster.hardware(as_run.policy.dtype)
        with teacher(local(recipe.teacher.path), hw, *settings, run.logs / "teacher.log") as scoring:
            train(as_run, run, report, scoring.assign)


def _steps(recipe: DistillRecipe, taught: Lessons | None) -> int:
    if recipe.train.steps is not None:
        return recipe.train.steps
    assert taught is not None
    return taught.steps(recipe.train.batch, recipe.train.epochs)


def _tell(report: Report, taught: Lessons) -> None:
    left = "".join(f"; {count} left out: {why}" for why, count in taught.left_out.items())
    report.say(f"{len(taught.train)} traces to learn, {len(taught.validation)} to measure the loss{left}")


def _claim(recipe: DistillRecipe, run: Run) -> None:
    """Notes whose student learns from what; a resumed run must learn from the same."""
    named = {
        "policy": recipe.policy.path and local(recipe.policy.path),
        "teacher": recipe.teacher and local(recipe.teacher.path),
        "traces": recipe.traces and Path(recipe.traces.path),
    }
    found = {role: {"path": str(path), "digest": provenance.digest(Path(path))} for role, path in named.items() if path}
    place = run.folder / PARENTS
    if place.exists():
        before = json.loads(place.read_text())
        if differ := [role for role in found if found[role]["digest"] != before.get(role, {}).get("digest")]:
            raise UserError(
                f"{run.folder} was started with other {' and '.join(differ)}",
                "resuming must equal not having stopped",
                "start a new run with another --out",
            )
    write_atomically(place, json.dumps(found, indent=1))
    write_atomically(run.folder / RECIPE, dump_recipe(recipe))
