"""The pictures of evaluations, as PNG bytes.

matplotlib's Figure is used without pyplot, which keeps figures alive and depends on a display. Names of runs and
subjects are never read as formulas: a `$` in one would otherwise break the picture.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from r1rl.evaluation.attempts import Attempt
from r1rl.evaluation.estimates import graded, tallies
from r1rl.evaluation.intervals import Interval
from r1rl.evaluation.results import Part, Results
from r1rl.types import Verdict

BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#8a8a8a"
WIDTH = 40  # characters of a name


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A number with its two intervals, in shares.

    >>> Bar(label="run a", value=0.3, sampling=None, over_problems=Interval(low=0.2, high=0.4)).value
    0.3
    """

    label: str
    value: float
    sampling: Interval | None
    over_problems: Interval | None


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Bars under one title; `zero` draws a line at no difference.

    >>> Panel(title="aime2024", bars=(), zero=False).title
    'aime2024'
    """

    title: str
    bars: tuple[Bar, ...]
    zero: bool


def suite_picture(results: Results, attempts: Sequence[Attempt]) -> bytes:
    """Four panels of one suite: growth with k, each problem, length of answers, levels or subjects."""
    figure = _figure(11, 8)
    axes = figure.subplots(2, 2)
    _growth(axes[0][0], results)
    _problems(axes[0][1], attempts)
    _lengths(axes[1][0], attempts)
    _parts(axes[1][1], results)
    figure.suptitle(f"{_short(results.suite)}: {results.n} problems, {results.k} samples each", parse_math=False)
    return _png(figure)


def forest(panels: Sequence[Panel]) -> bytes:
    """The panels one below the other, one line for each bar: thick is sampling only, thin is over problems."""
    rows = sum(len(panel.bars) + 2 for panel in panels)
    figure = _figure(9, 0.8 + 0.38 * rows)
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[1 + len(p.bars) for p in panels])[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _bars(axis, panel.bars)
        axis.set_title(_short(panel.title), parse_math=False, loc="left", fontsize=10)
        if panel.zero:
            axis.axvline(0, color=GREY, linewidth=1, linestyle="--")
    axes[-1].set_xlabel("points; thick: 95% sampling only, thin: 95% over problems", fontsize=8)
    return _png(figure)


def _growth(axis: Any, results: Results) -> None:
    for metric, colour in (("pass", BLUE), ("maj", RED), ("lenient", GREY)):
        sizes = [int(name.split("@")[1]) for name in results.estimates if name.startswith(f"{metric}@")]
        shown = [(k, value) for k in sizes if (value := results.estimates[f"{metric}@{k}"]) is not None]
        for k, _ in shown:
            if interval := results.intervals[f"{metric}@{k}"]["over_problems"]:
                axis.vlines(k, 100 * interval.low, 100 * interval.high, color=colour, alpha=0.3, linewidth=3)
        if shown:
            axis.plot([k for k, _ in shown], [100 * v for _, v in shown], "o-", color=colour, label=f"{metric}@k")
    axis.set_xscale("log", base=2)
    axis.set_xticks(sizes := sorted({int(n.split("@")[1]) for n in results.estimates}), [str(k) for k in sizes])
    axis.set(title="with more samples (95% over problems)", xlabel="k", ylabel="points", ylim=(0, 103))
    if axis.lines:
        axis.legend(loc="lower right", fontsize=8)


def _problems(axis: Any, attempts: Sequence[Attempt]) -> None:
    shares = sorted((100 * t.share for t in graded(tallies(attempts)).values()), reverse=True)
    axis.bar(range(1, len(shares) + 1), shares, width=1.0, color=BLUE)
    axis.set(title="each problem", xlabel="problems, easiest first", ylabel="right answers, %", ylim=(0, 100))


def _lengths(axis: Any, attempts: Sequence[Attempt]) -> None:
    right = [a.tokens for a in attempts if a.verdict is Verdict.CORRECT]
    wrong = [a.tokens for a in attempts if a.verdict in (Verdict.WRONG, Verdict.NO_ANSWER)]
    if right or wrong:
        axis.hist([right, wrong], bins=30, stacked=True, color=[BLUE, RED], label=["right", "wrong or none"])
        axis.legend(fontsize=8)
    axis.set(title="length of answers", xlabel="tokens", ylabel="samples")


def _parts(axis: Any, results: Results) -> None:
    if not results.by:
        axis.set_axis_off()
        return
    parts: list[tuple[str, Part]] = [
        (f"{key} {value}" if key == "level" else value, part)
        for key, of in results.by.items()
        for value, part in of.items()
    ]
    _bars(
        axis,
        [
            Bar(label=f"{name} ({p.problems})", value=p.average, sampling=p.sampling, over_problems=p.over_problems)
            for name, p in parts
            if p.average is not None
        ],
    )
    axis.set(title="by level and subject (problems)", xlabel="points; thick: sampling only, thin: over problems")


def _bars(axis: Any, bars: Sequence[Bar]) -> None:
    for place, bar in enumerate(bars):
        for interval, width in ((bar.over_problems, 1.2), (bar.sampling, 4.5)):
            if interval:
                axis.hlines(place, 100 * interval.low, 100 * interval.high, color=BLUE, alpha=0.55, linewidth=width)
        axis.plot(100 * bar.value, place, "o", color=BLUE if bar.over_problems else RED, markersize=5)
    axis.set_yticks(range(len(bars)), [_short(bar.label) for bar in bars], parse_math=False, fontsize=8)
    axis.set_ylim(len(bars) - 0.5, -0.5)


def _short(name: str) -> str:
    """The name's end, in the alphabets that matplotlib's own font has."""
    printable = "".join(c if c.isprintable() and c <= "\u052f" else "?" for c in name)
    return printable if len(printable) <= WIDTH else "…" + printable[1 - WIDTH :]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # here, because it takes a second to import

    return Figure(figsize=(width, height), layout="constrained")


def _png(figure: Any) -> bytes:
    for axis in figure.axes:
        axis.grid(alpha=0.25)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
