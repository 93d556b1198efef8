"""Numbers that others published, from published.yaml, and how a run stands against them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Any

import yaml

from r1rl.errors import UserError
from r1rl.evaluation.comparable import Evaluation
from r1rl.evaluation.estimates import average
from r1rl.evaluation.intervals import Interval, normal_quantile, sampling_variance
from r1rl.nearest import did_you_mean

TABLE = Path(__file__).with_name("published.yaml")


@dataclass(frozen=True, kw_only=True)
class Published:
    """One published number.

    >>> numbers_of("deepseek-r1-distill-qwen-1.5b")[0].label
    'avg@64 = 28.9 (DeepSeek-R1 README)'
    """

    model: str
    suite: str
    problems: int | None  # in the suite as published; None: not known
    metric: str  # "avg" or "maj"
    k: int
    points: float  # percent
    source: str  # title
    url: str
    how: str
    note: str  # may be empty

    @property
    def label(self) -> str:
        return f"{self.metric}@{self.k} = {self.points} ({self.source})"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A run against one published number, in shares; or why there is no such comparison.

    >>> Standing(published=None, run="b", ours=0.31, difference=0.02, sampling=None, refused="").ours
    0.31
    """

    published: Published
    run: str
    ours: float | None
    difference: float | None  # ours minus theirs
    sampling: Interval | None  # of the difference, on the same problems; None: cannot be estimated (maj)
    refused: str  # empty if compared

    def sentence(self) -> str:
        """The finding in words, in points."""
        theirs = f"{self.published.suite}: {self.run} against {self.published.label}"
        if self.ours is None or self.difference is None:
            return f"{theirs}: not compared, {self.refused}"
        way = "more" if self.difference >= 0 else "less"
        gap = f"{100 * self.ours:.1f}, {abs(100 * self.difference):.1f} points {way}"
        if self.sampling is None:
            return f"{theirs}: {gap}; no interval, this number's noise is not known"
        interval = f"95% CI {100 * self.sampling.low:.1f} to {100 * self.sampling.high:.1f}"
        agree = self.sampling.low <= 0 <= self.sampling.high
        return f"{theirs}: {gap}, {interval}: {'consistent' if agree else 'more than sampling explains'}"


def numbers_of(model: str) -> list[Published]:
    """All numbers of a model. Raises UserError for a model the table does not have."""
    table = _table()
    name = model.rsplit("/", 1)[-1].lower()
    if name not in table["models"]:
        hint = did_you_mean(name, table["models"])
        raise UserError(f"no published numbers of {model}", "the table in the package is small", hint)
    return [_entry(name, row, table) for row in table["models"][name]]


def canonical(suite: str) -> str:
    """The table's name of a suite; an unknown one stays as it is.

    >>> canonical("AIME_24"), canonical("addition")
    ('aime2024', 'addition')
    """
    for name, known in _table()["suites"].items():
        if _folded(suite) in {_folded(alias) for alias in (name, *known["aliases"])}:
            return str(name)
    return suite


def stand(run: Evaluation, number: Published) -> Standing:
    """A run against a published number of its suite."""
    results = run.results
    ours = average(run.suite.values()) if number.metric == "avg" else results.estimates.get(f"maj@{number.k}")
    if number.problems not in (None, results.n):
        return _refused(run, number, f"it is over {number.problems} problems, the run over {results.n}")
    if results.defined_by.sampling.greedy:
        return _refused(run, number, "the run is greedy, the published number of sampled answers")
    if ours is None:
        return _refused(run, number, f"the run has no {number.metric}@{number.k}")
    return Standing(
        published=number,
        run=run.name,
        ours=ours,
        difference=(difference := ours - number.points / 100),
        sampling=_sampling(run, number, difference) if number.metric == "avg" else None,
        refused="",
    )


def _sampling(run: Evaluation, number: Published, difference: float) -> Interval:
    """Theirs is taken to be as noisy as ours, at their number of samples: nobody publishes answers by problem."""
    ours = sampling_variance(list(run.suite.values()))
    half = normal_quantile() * sqrt(ours * (1 + run.results.k / number.k))
    return Interval(low=difference - half, high=difference + half)


def _refused(run: Evaluation, number: Published, why: str) -> Standing:
    return Standing(published=number, run=run.name, ours=None, difference=None, sampling=None, refused=why)


def _entry(model: str, row: dict[str, Any], table: dict[str, Any]) -> Published:
    source = table["sources"][row["source"]]
    return Published(
        model=model,
        suite=row["suite"],
        problems=table["suites"][row["suite"]]["problems"],
        metric=row["metric"],
        k=row["k"],
        points=row["points"],
        source=source["title"],
        url=source["url"],
        how=source["how"],
        note=row.get("note", ""),
    )


def _folded(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return found
