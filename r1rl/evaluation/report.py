"""What an evaluated suite looks like to a person: report.md and report.html beside its results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from r1rl.evaluation.attempts import Attempt
from r1rl.evaluation.intervals import Interval
from r1rl.evaluation.page import Grid, Page, html, markdown
from r1rl.evaluation.plot import suite_picture
from r1rl.evaluation.results import Part, Results
from r1rl.types import Verdict

SHOWN = 4  # transcripts of each verdict
PICTURE = "report.png"


def write_report(folder: Path, results: Results, attempts: Sequence[Attempt]) -> None:
    """Writes report.md, report.png and report.html, replacing those of before."""
    page = page_of(results, attempts)
    _write(folder / PICTURE, page.picture)
    _write(folder / "report.md", markdown(page, PICTURE).encode())
    _write(folder / "report.html", html(page).encode())


def page_of(results: Results, attempts: Sequence[Attempt]) -> Page:
    """The report of a suite."""
    return Page(
        title=f"{results.suite}: {results.defined_by.model}",
        lead=headline(results),
        grids=(_estimates(results), _rates(results), *_parts(results), _definition(results)),
        picture=suite_picture(results, attempts),
        transcripts=tuple(chosen(attempts)),
    )


def headline(results: Results) -> str:
    """The number with both intervals, and what each is of."""
    if results.average is None:
        return f"No sample of {results.suite} could be graded."
    sampled, other = results.interval("sampling"), results.interval("over_problems")
    text = f"avg@{results.k} = {points(results.average)} points on {results.n} problems"
    text += f", {points(results.lenient)} read leniently" if results.lenient is not None else ""
    text += ". 95% intervals: " if results.lenient is None else ". 95% intervals of the first: "
    text += f"{between(other)} for problems of this kind, "
    if results.defined_by.sampling.greedy:
        return text + "greedy, so these problems give the same answers again."
    bound = " at most (one sample cannot measure its noise)" if results.k == 1 else ""
    return text + f"{between(sampled)}{bound} if these very problems are sampled again."


def chosen(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Up to SHOWN attempts of each verdict, of different problems spread evenly over the suite; the same every time."""
    found = []
    for verdict in Verdict:
        first = {a.id: a for a in reversed(attempts) if a.verdict is verdict}  # the first attempt of each problem
        ids = sorted(first)
        found += [first[ids[i * len(ids) // SHOWN]] for i in range(SHOWN)] if len(ids) > SHOWN else list(first.values())
    return found


def points(share: float | None) -> str:
    """A share in points.

    >>> points(0.2891), points(None)
    ('28.9', '-')
    """
    return "-" if share is None else f"{100 * share:.1f}"


def between(interval: Interval | None) -> str:
    return "-" if interval is None else f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"


def _estimates(results: Results) -> Grid:
    rows = [
        (name, points(value), between(of.get("sampling")), between(of.get("over_problems")))
        for name, value in results.estimates.items()
        for of in [results.intervals[name]]
    ]
    return Grid(title="Estimates", header=("", "points", "sampling only", "over problems"), rows=tuple(rows))


def _rates(results: Results) -> Grid:
    rates = [(name.replace("_", " "), points(value)) for name, value in results.rates.items()]
    tokens = [(f"tokens, {name}", "-" if v is None else f"{v:,.0f}") for name, v in results.tokens.items()]
    speed = [("seconds", f"{results.seconds:,.0f}"), ("tokens per second", f"{results.tokens_per_second:,.0f}")]
    return Grid(title="Rates (points), tokens and time", header=("", ""), rows=(*rates, *tokens, *speed))


def _parts(results: Results) -> list[Grid]:
    header = (
        "problems",
        f"avg@{results.k}",
        "lenient",
        "sampling only",
        "over problems",
        "truncated",
        "no answer",
        "tokens",
    )
    return [
        Grid(title=f"By {key}", header=(key, *header), rows=tuple(_part(value, p) for value, p in parts.items()))
        for key, parts in results.by.items()
    ]


def _part(name: str, p: Part) -> tuple[str, ...]:
    numbers = (points(p.average), points(p.lenient), between(p.sampling), between(p.over_problems), points(p.truncated))
    return (name, str(p.problems), *numbers, points(p.no_answer), f"{p.tokens:,.0f}")


def _definition(results: Results) -> Grid:
    fields = _flat({"suite": results.suite, "problems": results.n, "samples of each": results.k})
    return Grid(title="What defines these numbers", header=("", ""), rows=(*fields, *_flat(asdict(results.defined_by))))


def _flat(fields: Mapping[str, object]) -> list[tuple[str, str]]:
    rows = []
    for name, value in fields.items():
        if isinstance(value, Mapping):
            rows += _flat(value)
        elif isinstance(value, tuple | list):
            rows.append((name, ", ".join(map(str, value))))
        else:
            rows.append((name, str(value)))
    return rows


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)
