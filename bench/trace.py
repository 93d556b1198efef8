"""What the GPU did during a step of r1rl and of TRL: the share of the time it worked, look by look.

A trace is what machine.Watch.steps makes: {"ends": seconds, "busy": [[second, percent of the time since the look
before], …]}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

SHOWN = 2  # steps
IDLE = 1  # percent

Trace = Mapping[str, Any]


def idle(trace: Trace) -> float:
    """The longest time in which the GPU can have had nothing to do, as a share of its step; the median over the steps.

    Looks in which it did nothing count whole, and so does what is missing to 100 in the two looks around them: a gap
    may begin at the end of the one and end at the beginning of the other. Where no look found it idle, it lies across
    the border of two, at most. So this is never less than what it was, and may be too much by a look's length.

    A gap counts for the step in which it begins.

    >>> busy = [[0.1, 100], [0.2, 60], [0.3, 0], [0.4, 90], [0.5, 100]]
    >>> round(idle({"ends": [0.0, 0.5], "busy": busy}), 2)
    0.3
    """
    gaps = list(_gaps(trace["busy"]))
    return median(
        max((seconds for begin, seconds in gaps if start <= begin < end), default=0.0) / (end - start)
        for start, end in pairwise(trace["ends"])
    )


def _gaps(looks: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """(when its first look began, seconds) of all gaps that there can have been."""
    begin, gap = looks[0][0], 0.0
    for (then, _), (now, percent) in pairwise(looks):
        unused = (now - then) * (1 - percent / 100)
        gap += unused
        yield begin, gap
        if percent >= IDLE:
            begin, gap = then, unused


def plot(results: Mapping[str, Mapping[str, Any]], plots: Path) -> None:
    """plots/trace.png: the last timed steps of each result, one below the other, each on a clock of its own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not results:
        return
    figure, axes = pyplot.subplots(len(results), 1, figsize=(10, 1.7 * len(results)), squeeze=False)
    for axis, (name, result) in zip(axes[:, 0], sorted(results.items()), strict=True):
        start, *_ = ends = result["trace"]["ends"][-SHOWN - 1 :]
        looks = [(second - start, percent) for second, percent in result["trace"]["busy"] if start <= second]
        axis.fill_between([second for second, _ in looks], [percent for _, percent in looks], step="pre", linewidth=0)
        for end in ends:
            axis.axvline(end - start, color="black", linewidth=0.8)
        axis.set(xlim=(0, ends[-1] - start), ylim=(0, 100), ylabel="% busy")
        axis.set_title(name, fontsize=9, loc="left")
    axes[-1, 0].set_xlabel("seconds; lines: ends of steps")
    figure.tight_layout()
    plots.mkdir(exist_ok=True)
    figure.savefig(plots / "trace.png", dpi=110)
    pyplot.close(figure)
