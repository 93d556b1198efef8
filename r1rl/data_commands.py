"""r1rl data list | show | verify | overlap | export: the data sets, and whether they can be trusted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from r1rl.corpus.overlap import Overlap

data_app = typer.Typer(no_args_is_help=True, help="The data sets: what there is, and whether it can be trusted.")
console = Console(soft_wrap=True)
AGAINST = "math500,aime2024,aime2025"
SHOWN = 20  # overlaps told one by one

Name = Annotated[str, typer.Argument(metavar="NAME", help="A set's name, as `r1rl data list` shows it.")]


@data_app.command("list")
def list_sets() -> None:
    """All data sets: what they are, whether they are on this machine, and what may be done with them."""
    from r1rl.catalogue import corpora, generators, trainable

    table = _table("name", "what", "kind", "for", "rows", "from")
    for name, corpus in corpora().items():
        use = "training" if trainable(name) else "evaluation"
        rows = corpus.count or corpus.file.rows or (corpus.hub.rows if corpus.hub else None)
        count = f"{rows:,}" if rows else "?"
        table.add_row(name, escape(corpus.title), corpus.kind, use, count, escape(_place(name)))
    for name, says in generators().items():
        table.add_row(name, re.split(r": | \(", says)[0], "", "training", "endless", "made here")
    console.print(table)


@data_app.command()
def show(name: Name, n: Annotated[int, typer.Option("-n", min=1, help="How many problems.")] = 3) -> None:
    """The first problems of a set."""
    from r1rl.catalogue import corpus
    from r1rl.corpus.load import load

    definition = corpus(name)
    loaded = load(definition)
    for problem in loaded.problems[:n]:
        console.print(f"[bold]{escape(problem.id)}[/]")
        console.print(problem.question.strip(), markup=False, highlight=False)
        gold = problem.gold or ", ".join(str(key) for key in problem.meta)
        console.print(f"[green]→ {escape(gold)}[/]\n", highlight=False)
    console.print(f"{len(loaded.problems):,} problems from {loaded.origin}", highlight=False, markup=False)
    console.print(f"judged by {definition.reward}; licence: {definition.licence}", highlight=False, markup=False)


@data_app.command()
def verify(name: Name) -> None:
    """Check a set: rows, digests, bad rows, gold answers that do not judge themselves right. Exit code 1 if wrong."""
    from r1rl.catalogue import corpus
    from r1rl.corpus.verify import Mark
    from r1rl.corpus.verify import verify as verify_corpus

    findings = verify_corpus(corpus(name))
    colours = {Mark.FINE: "green", Mark.NOTE: "yellow", Mark.WRONG: "red"}
    table = _table("", "checked", "found")
    for finding in findings:
        mark = f"[{colours[finding.mark]}]{finding.mark}[/]"
        table.add_row(mark, finding.what, escape(finding.detail))
    console.print(table)
    if any(finding.mark is Mark.WRONG for finding in findings):
        raise typer.Exit(1)


@data_app.command()
def overlap(
    train: Annotated[str, typer.Argument(metavar="TRAIN", help="The set that is trained on.")],
    against: Annotated[str, typer.Option(help="Benchmarks, separated by commas.")] = AGAINST,
    limit: Annotated[int, typer.Option(min=0, help="How many to show; 0: all.")] = SHOWN,
) -> None:
    """Benchmark questions in training data: the same question, or 13 words in common. Exit code 1 if there are any."""
    from r1rl.catalogue import benchmark, corpus
    from r1rl.corpus.load import load
    from r1rl.corpus.overlap import contaminated

    names = [name.strip() for name in against.split(",") if name.strip()]
    loaded = load(corpus(train))
    found = contaminated(loaded.problems, benchmark(names))
    if found:
        console.print(_overlaps(found, limit or len(found)))
    rows, same = len({hit.id for hit in found}), len({hit.id for hit in found if hit.kind == "exact"})
    console.print(
        f"{rows} of {len(loaded.problems):,} problems of {train} share text with {', '.join(names)}: "
        f"{same} are the same question",
        highlight=False,
    )
    if found:
        raise typer.Exit(1)


@data_app.command()
def export(name: Name, to: Annotated[Path, typer.Option(help="The folder.")]) -> None:
    """Write a set to a folder for machines without the hub: there, set R1RL_DATA to it."""
    from r1rl.catalogue import corpus
    from r1rl.corpus.export import export as export_corpus

    console.print(f"written to {export_corpus(corpus(name), to)}", highlight=False, markup=False)


def _place(name: str) -> str:
    from r1rl.catalogue import corpus
    from r1rl.corpus.load import in_folder

    found = corpus(name)
    if in_folder(found):
        return "$R1RL_DATA"
    return found.hub.where if found.hub else "needs $R1RL_DATA"


def _table(*columns: str) -> Table:
    table = Table(box=None)
    for column in columns:
        table.add_column(column, overflow="fold")  # an id that is cut off cannot be looked up
    return table


def _overlaps(found: list[Overlap], limit: int) -> Table:
    table = _table("problem", "benchmark", "kind", "share", "in common")
    for hit in sorted(found, key=lambda hit: (hit.kind != "exact", -hit.share))[:limit]:
        table.add_row(escape(hit.id), escape(hit.benchmark), hit.kind, f"{hit.share:.0%}", escape(hit.text[:100]))
    if len(found) > limit:
        table.add_row(f"… and {len(found) - limit} more", "", "", "", "")
    return table
