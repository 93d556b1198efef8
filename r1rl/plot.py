"""The curves of a run as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1rl import metrics

PANELS = (
    ("reward/correct/mean", "right answers in rollouts", "share"),
    ("rollout/tokens/mean", "length of an answer", "tokens"),
    ("learner/entropy/mean", "entropy of the policy", "nats per token"),
    ("learner/gap/mean", "sampler against learner", "nats per token"),
)


COLOURS = ("#c0392b", "#2e8b57", "#8e44ad", "#d68910", "#34495e")


def curves(folder: Path, title: str) -> Path:
    """Writes curves.png from metrics.jsonl and returns its path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = metrics.read(folder)
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
    for axis, (key, name, unit) in zip(axes.flat, PANELS, strict=True):
        kept = [row for row in rows if key in row]
        axis.plot([row["step"] for row in kept], [row[key] for row in kept], color="#1f5fa8", linewidth=1.5)
        axis.set(title=name, xlabel="step", ylabel=unit)
        axis.grid(alpha=0.25)
    first = axes.flat[0]
    for (place, name), colour in zip(_exams(rows), COLOURS, strict=False):
        _with_intervals(first, rows, place, name, colour)
    first.set_ylim(0, 1)
    first.legend(loc="lower right", fontsize="small")
    figure.suptitle(title)
    path = folder / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path


def _exams(rows: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    """(place of the metrics, name) of what was evaluated: ("eval", "held out"), ("eval/math500", "math500")."""
    places = [key.removesuffix("/accuracy") for row in rows for key in row if key.endswith("/accuracy")]
    return [(place, place.removeprefix("eval/").replace("eval", "held out")) for place in dict.fromkeys(places)]


def _with_intervals(axis: Any, rows: Sequence[Mapping[str, float]], place: str, name: str, colour: str) -> None:
    evals = [row for row in rows if f"{place}/accuracy" in row]
    middle = [row[f"{place}/accuracy"] for row in evals]
    below = [m - row[f"{place}/low"] for m, row in zip(middle, evals, strict=True)]
    above = [row[f"{place}/high"] - m for m, row in zip(middle, evals, strict=True)]
    steps = [row["step"] for row in evals]
    axis.errorbar(steps, middle, yerr=[below, above], fmt="o", color=colour, capsize=3, label=f"{name}, 95%")
