"""What the GPU did during a step of r1rl and of TRL: the share of the time it worked, look by look.

A trace is what machine.Watch.steps makes: {"ends": seconds, "busy": [[second, percent of the time since the look
before], …]}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

SHOWN = 2  # steps
IDLE = 1  # percent

Trace = Mapping[str, Any]


def idle(trace: Trace) -> float:
    """The longest time in which the GPU had nothing to do, as a share of its step; the median over the steps.

    Looks that found less than IDLE percent in a row count whole, and what is missing to 100 in the looks around them
    too: so this is at most what it was, not less.

    >>> busy = [[0.1, 100], [0.2, 60], [0.3, 0], [0.4, 90], [0.5, 100]]
    >>> round(idle({"ends": [0.0, 0.5], "busy": busy}), 2)
    0.3
    """
    steps = []
    for start, end in pairwise(trace["ends"]):
        looks = [(second, percent) for second, percent in trace["busy"] if start <= second <= end]
        steps.append(_longest_gap(looks) / (end - start))
    return median(steps)


def _longest_gap(looks: Sequence[tuple[float, float]]) -> float:
    longest = gap = before = 0.0  # seconds; `before`: unused time of the look before
    for (then, _), (now, percent) in pairwise(looks):
        unused = (now - then) * (1 - percent / 100)
        if percent < IDLE:
            gap = (gap or before) + unused
        elif gap:
            longest, gap = max(longest, gap + unused), 0.0
        before = unused
    return max(longest, gap)


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
