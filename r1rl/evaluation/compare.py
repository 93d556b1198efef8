"""`r1rl compare A B …`: which run is better, by how much, and could it be chance?

The first run is the one the others are compared with. A table, a plain sentence for each pair and suite, and a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from r1rl.errors import UserError
from r1rl.evaluation.comparable import Evaluation, load_evaluation
from r1rl.evaluation.estimates import average, graded
from r1rl.evaluation.intervals import over_problems, sampling
from r1rl.evaluation.paired import Difference, compare_pair
from r1rl.evaluation.plot import Bar, Panel, forest
from r1rl.evaluation.published import Published, Standing, canonical, numbers_of, stand
from r1rl.evaluation.report import between, points
from r1rl.evaluation.results import suites_in

PICTURE = "comparison.png"

Suites = Mapping[str, Sequence[Evaluation]]
"""The runs of each suite, in the order of the command line."""


def compare(
    console: Console, paths: Sequence[Path], published: str | None, out: Path | None, lenient: bool = False
) -> tuple[list[Difference], list[Standing]]:
    """Compares evaluations with the first of them, and all with a published model's numbers if one is named.

    Args:
        paths: folders that hold results.json and samples.jsonl, or one such folder for each suite.
        published: a model of published.yaml.
        out: a folder for comparison.png; None: no picture.
        lenient: compare what the lenient judge said, for models that were never taught to box an answer.

    Returns what it said, pair by pair. Raises UserError for runs that cannot be compared, saying what differs.
    """
    if len(paths) < 2 and published is None:
        raise UserError("one run was given", "it takes two to compare", "give another run, or --published MODEL")
    numbers = numbers_of(published) if published else []
    if lenient:
        _say(console, "Read leniently: an answer counts wherever it stands.")
    suites = _load(console, paths, lenient)
    pairs = [compare_pair(runs[0], run) for runs in suites.values() for run in runs[1:]]
    standings = _standings(suites, numbers)
    if numbers and not standings and not pairs:
        known = ", ".join(dict.fromkeys(number.suite for number in numbers))
        raise UserError(
            f"{published} has no published numbers on {', '.join(suites)}", "nothing to compare", f"known: {known}"
        )
    for suite, runs in suites.items():
        console.print(_table(suite, runs))
    _tell_pairs(console, pairs)
    _tell_standings(console, standings)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / PICTURE).write_bytes(forest(_panels(suites, pairs, standings)))
        _say(console, f"picture: {out / PICTURE}")
    return pairs, standings


def _load(console: Console, paths: Sequence[Path], lenient: bool) -> Suites:
    """The suites all runs share; the others are told."""
    found = {name: suites_in(path) for name, path in zip(_names(paths), paths, strict=True)}
    every = [suite for suite in next(iter(found.values())) if all(suite in of for of in found.values())]
    if not every:
        has = "; ".join(f"{name}: {', '.join(of)}" for name, of in found.items())
        raise UserError("the runs share no suite", f"they hold {has}", "evaluate them on the same suite")
    for name, of in found.items():
        if rest := [suite for suite in of if suite not in every]:
            _say(console, f"left out, since not every run has it: {', '.join(rest)} of {name}")
    return {suite: [load_evaluation(name, of[suite], lenient) for name, of in found.items()] for suite in every}


def _names(paths: Sequence[Path]) -> list[str]:
    """What to call the runs: their folders' names if these differ, else their whole paths."""
    if len({path.resolve() for path in paths}) < len(paths):
        raise UserError("a folder was given twice", "it does not differ from itself", "give each run once")
    names = [path.resolve().name for path in paths]
    return names if len(set(names)) == len(names) else [str(path) for path in paths]


def _standings(suites: Suites, numbers: Sequence[Published]) -> list[Standing]:
    return [
        stand(run, number)
        for suite, runs in suites.items()
        for number in numbers
        if number.suite == canonical(suite)
        for run in runs
    ]


def _table(suite: str, runs: Sequence[Evaluation]) -> Table:
    table = Table(title=Text(f"{suite}, {runs[0].results.n} problems"))
    for column in ("run", "k", "points", "sampling only", "over problems", "truncated", "no answer", "ungradable"):
        table.add_column(column, justify="left" if column == "run" else "right")
    for run in runs:
        bar, rates = _bar(run), run.results.rates
        numbers = (points(average(run.suite.values())), between(bar.sampling), between(bar.over_problems))
        shares = (points(rates.get(name)) for name in ("truncated", "no_answer", "ungradable"))
        table.add_row(Text(run.name), str(run.results.k), *numbers, *shares)
    return table


def _tell_pairs(console: Console, pairs: Sequence[Difference]) -> None:
    for pair in pairs:
        _say(console, pair.sentence() + ".")
        _say(console, f"  right more often on {pair.better} problems, less often on {pair.worse}, of {pair.problems}")
        if pair.sampling:
            _say(console, f"  on these very problems: {between(pair.sampling)} points (sampling only)")
        if pair.left_out:
            _say(console, f"  {pair.left_out} problems left out: one of the runs has no graded sample of them")
        for note in pair.notes:
            _say(console, f"  differs: {note}" if ":" in note else f"  {note}")


def _tell_standings(console: Console, standings: Sequence[Standing]) -> None:
    for standing in standings:
        _say(console, standing.sentence() + ".")
    for number in {(s.published.source, s.published.url, s.published.how): s.published for s in standings}.values():
        _say(console, f"  {number.source}: {number.how}; {number.url}")
    for note in dict.fromkeys(s.published.note for s in standings if s.published.note):
        _say(console, f"  {note}")


def _panels(suites: Suites, pairs: Sequence[Difference], standings: Sequence[Standing]) -> list[Panel]:
    """For each suite the runs with what was published, and their differences: overlapping runs may differ clearly."""
    panels = []
    for suite, runs in suites.items():
        theirs = {s.published: None for s in standings if s.published.suite == canonical(suite)}
        bars = [_bar(run) for run in runs if graded(run.suite)] + [_published(n) for n in theirs if n.metric == "avg"]
        panels.append(Panel(title=suite, bars=tuple(bars), zero=False))
        if gaps := tuple(_gap(pair) for pair in pairs if pair.suite == suite):
            panels.append(Panel(title=f"{suite}: minus {runs[0].name}", bars=gaps, zero=True))
    return panels


def _gap(pair: Difference) -> Bar:
    return Bar(label=pair.b, value=pair.difference, sampling=pair.sampling, over_problems=pair.over_problems)


def _published(number: Published) -> Bar:
    return Bar(label=number.label, value=number.points / 100, sampling=None, over_problems=None)


def _bar(run: Evaluation) -> Bar:
    suite = list(run.suite.values())
    shares = [tally.share for tally in suite if tally.graded]
    return Bar(
        label=run.name,
        value=average(suite) or 0.0,
        sampling=sampling(suite),
        over_problems=over_problems(shares),
    )


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
