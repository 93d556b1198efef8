"""r1rl pipeline and r1rl lineage: stages from one YAML, and where an artefact comes from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
    from r1rl.pipeline import results
    from r1rl.pipeline.kinds import kinds
    from r1rl.pipeline.recipe import load_pipeline
    from r1rl.pipeline.run import plan, run
    from r1rl.run import write_atomically

    known = kinds()
    loaded = load_pipeline(Path(recipe), overrides or [], known)
    folder = out or Path("runs") / loaded.name
    if dry_run:
        for line in plan(loaded, known, folder, first, last):
            console.print(line, highlight=False, markup=False)
        return
    folders = run(console, loaded, known, folder, first, last)
    rows = results.rows(folders)
    console.print(results.table(rows))
    write_atomically(folder / results.FILE, results.markdown(rows))
    console.print(
        f"everything is in {folder}; `r1rl lineage {folder}/STAGE` tells where it comes from", highlight=False
    )


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
    recipe = hashlib.sha256(json.dumps(found.recipe, sort_keys=True, default=str).encode()).hexdigest()
    digests = {"recipe": recipe, "data": found.data, "code": found.code, "revision": found.revision}
    lines.append(", ".join(f"{name} {digest[:12]}" for name, digest in digests.items() if digest))
    if found.numbers:
        lines.append(escape(", ".join(f"{name} {value:g}" for name, value in found.numbers.items())))
    return lines
