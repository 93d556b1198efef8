"""r1rl pipeline and r1rl lineage: stages from one YAML, and where an artefact comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from r1rl.errors import UserError
from r1rl.provenance import Lineage

console = Console(soft_wrap=True)


def pipeline(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a packaged one.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[key.sub=value …]")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of all artefacts. Default: runs/NAME.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Do this stage again, and what is made of it.")] = None,
    last: Annotated[str | None, typer.Option("--until", help="Stop after this stage.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
) -> None:
    """Run the stages of a pipeline; what is there already is not done again, what was interrupted goes on."""
    from r1rl.pipeline.kinds import kinds
    from r1rl.pipeline.recipe import load_pipeline
    from r1rl.pipeline.run import plan, run

    known = kinds()
    loaded = load_pipeline(Path(recipe), overrides or [], known)
    folder = out or Path("runs") / loaded.name
    if dry_run:
        for line in plan(loaded, known, folder, first, last):
            console.print(line, highlight=False, markup=False)
        return
    folders = run(console, loaded, known, folder, first, last)
    table = results(folders)
    console.print(table)
    console.print(
        f"everything is in {folder}; `r1rl lineage {folder}/STAGE` tells where it comes from", highlight=False
    )


def results(folders: dict[str, Path]) -> Table:
    """The stages with what was measured of them."""
    from r1rl.provenance import read

    table = Table(box=None)
    for column in ("stage", "kind", "held-out accuracy", "95% interval", "n", "tokens", "seconds"):
        table.add_column(column, justify="left" if column in ("stage", "kind") else "right")
    for name, folder in folders.items():
        found = read(folder)
        assert found is not None
        table.add_row(name, found.kind, *_measured(found), f"{found.seconds:.0f}")
    return table


def _measured(found: Lineage) -> tuple[str, str, str, str]:
    numbers = found.numbers
    if "accuracy" in numbers:
        interval = f"{numbers['low']:.1%} to {numbers['high']:.1%}" if "low" in numbers else ""
        return f"{numbers['accuracy']:.1%}", interval, f"{numbers['n']:.0f}", f"{numbers['tokens']:.1f}"
    if "traces" in numbers:
        kept = f"{numbers['kept']:.0f} of {numbers['traces']:.0f} kept" if "kept" in numbers else ""
        return kept or f"{numbers['correct']:.1%} of {numbers['traces']:.0f} traces", "", "", ""
    return "", "", "", ""


def lineage(path: Annotated[Path, typer.Argument(help="An artefact: a run, a checkpoint, traces, a stage.")]) -> None:
    """Tell where an artefact comes from: its parents and theirs, recipes, data and code."""
    from r1rl.provenance import ancestors

    if not path.exists():
        raise UserError(f"there is no {path}", "lineage is kept beside artefacts", "correct the path")
    for depth, role, place, found in ancestors(path):
        for line in _told(role, place, found):
            console.print(f"{'    ' * depth}{line}", highlight=False)


def _told(role: str, place: str, found: Lineage | None) -> list[str]:
    from rich.markup import escape

    head = escape(f"{role}: {place}" if role else place)
    if found is None:
        return [f"[bold]{head}[/]", "no lineage is kept here"]
    lines = [f"[bold]{head}[/]", f"{found.kind}, {found.made}, {found.seconds:.0f} s, content {found.digest[:12]}"]
    lines.append(f"revision {found.revision[:12] or 'unknown'}, code {found.code[:12] or 'not kept'}")
    if found.data:
        lines.append(f"data {found.data[:12]}")
    if found.numbers:
        lines.append(escape(", ".join(f"{name} {value:g}" for name, value in found.numbers.items())))
    return lines
