"""r1rl distill: a student learns from traces or from a teacher, as a recipe says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from r1rl.errors import UserError


def distill(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a packaged recipe.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[key.sub=value …]")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME-seedS-DATE-TIME.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the run in --out.")] = False,
) -> None:
    """Distil into a small student: supervised on traces, or scored by a teacher token by token."""
    from r1rl.recipe.distill import load_distill

    loaded = load_distill(Path(recipe), overrides or [])
    if resume and out is None:
        raise UserError("--resume without --out", "which run is meant?", "give the run's folder with --out")
    folder = out or Path("runs") / f"{loaded.name}-seed{loaded.seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    from r1rl import provenance
    from r1rl.distillation.run import distill as run_recipe  # here, because torch and Ray take seconds to import
    from r1rl.distillation.run import lineage

    console = Console(soft_wrap=True)
    run_recipe(loaded, folder, resume, console)
    provenance.write(folder, lineage(loaded, folder))
