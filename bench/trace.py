"""What the GPU did during a step of r1rl and of TRL: the share of the time it worked, look by look."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

SHOWN = 2  # steps


def plot(results: Mapping[str, Mapping[str, Any]], plots: Path) -> None:
    """plots/trace.png: the first timed steps of each result, one below the other, each on a clock of its own."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    if not results:
        return
    figure, axes = pyplot.subplots(len(results), 1, figsize=(10, 1.7 * len(results)), squeeze=False)
    for axis, (name, result) in zip(axes[:, 0], sorted(results.items()), strict=True):
        ends = result["trace"]["ends"][: SHOWN + 1]
        looks = [(second, percent) for second, percent in result["trace"]["busy"] if second <= ends[-1]]
        axis.fill_between([second for second, _ in looks], [percent for _, percent in looks], step="pre", linewidth=0)
        for end in ends:
            axis.axvline(end, color="black", linewidth=0.8)
        axis.set(xlim=(0, ends[-1]), ylim=(0, 100), ylabel="% busy")
        axis.set_title(name, fontsize=9, loc="left")
    axes[-1, 0].set_xlabel("seconds; lines: ends of steps")
    figure.tight_layout()
    plots.mkdir(exist_ok=True)
    figure.savefig(plots / "trace.png", dpi=110)
    pyplot.close(figure)
