"""What learning runs have learnt: a table with intervals, curves, and the same problem answered early and late.

python -m bench.learning FOLDER      prints the table of the runs in a folder
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]
WHAT = {"main": "strict accuracy + form", "coin": "coin (control)", "format": "form only (control)"}


def main() -> None:
    from bench.tables import table

    print(table_of(Path(sys.argv[1]), table))


def table_of(folder: Path, table: Table) -> str:
    """A row for each run: strict accuracy on held-out problems before and after, lenient beside it."""
    head = [
        "reward",
        "seed",
        "strict before",
        "strict after",
        "lenient before",
        "lenient after",
        "tokens after",
        "steps",
    ]
    return table(head, [_row(run) for run in runs(folder)])


def runs(folder: Path) -> list[Path]:
    """Folders of runs: those with metrics, by name."""
    return sorted(file.parent for file in folder.rglob("metrics.jsonl"))


def rows(run: Path) -> list[dict[str, float]]:
    """The lines of a run's metrics."""
    return _lines(run / "metrics.jsonl")


def _lines(metrics: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in metrics.read_text().splitlines()]


def _row(run: Path) -> list[str]:
    evaluated = [row for row in rows(run) if "eval/accuracy" in row]
    first, last = evaluated[0], evaluated[-1]
    reward, _, seed = run.name.partition("-")
    return [
        WHAT.get(reward, reward),
        seed,
        *(_accuracy(row) for row in (first, last)),
        *(_lenient(row) for row in (first, last)),
        _tokens(last),
        f"{last['step']:.0f}",
    ]


def share(value: float, low: float, high: float) -> str:
    """A share and its interval, in points.

    >>> share(0.5, 0.4, 0.6)
    '50.0 (40.0 to 60.0)'
    """
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def steps(run: Path, table: Table) -> str:
    """A row for each evaluation of one run: held-out accuracy and the length of answers."""
    evaluated = [row for row in rows(run) if "eval/accuracy" in row]
    lines = [[f"{row['step']}", _accuracy(row), _tokens(row)] for row in evaluated]
    return table(["step", "held-out accuracy", "tokens"], lines)


def tiny(folder: Path, table: Table) -> str:
    """A row for each run of the tiny recipe and its control: FOLDER/MACHINE/RECIPE-SEED.metrics.jsonl."""
    files = sorted(folder.glob("*/r1_zero_tiny*.metrics.jsonl"))
    return table(["recipe", "seed", "machine", "before", "after", "steps"], [_tiny(file) for file in files])


def _tiny(file: Path) -> list[str]:
    lines = _lines(file)
    evaluated = [row for row in lines if "eval/accuracy" in row]
    recipe, _, seed = file.name.partition(".")[0].rpartition("-")
    first, last, end = evaluated[0], evaluated[-1], lines[-1]["step"]
    after = _accuracy(last) if last["step"] == end else "stopped by the gate"
    return [recipe, seed, file.parent.name, _accuracy(first), after, f"{end}"]


def _accuracy(row: dict[str, float]) -> str:
    return share(row["eval/accuracy"], row["eval/low"], row["eval/high"])


def _tokens(row: dict[str, float]) -> str:
    return f"{row['eval/tokens']:.0f}"


def _lenient(row: dict[str, float]) -> str:
    found = row.get("eval/math:correct/mean")
    return "–" if found is None else share(found, *wilson(found, int(row["eval/n"])))


def wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% Wilson interval of a share.

    >>> [round(x, 3) for x in wilson(0.5, 100)]
    [0.404, 0.596]
    """
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def plot(results: Path, plots: Path) -> None:
    """Held-out accuracy over steps, a band for the 95% interval: one picture for each folder of learning runs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    for folder in sorted({run.parent for run in runs(results / "learning")}):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6))
        for run in runs(folder):
            _curve(left, run)
            steps = [row for row in rows(run) if "rollout/tokens/mean" in row]
            right.plot([row["step"] for row in steps], [row["rollout/tokens/mean"] for row in steps], label=run.name)
        left.set(xlabel="step", ylabel="held-out accuracy, strict", ylim=(0, 1))
        right.set(xlabel="step", ylabel="tokens of an answer")
        left.legend(fontsize=8)
        figure.tight_layout()
        plots.mkdir(exist_ok=True)
        figure.savefig(plots / f"{folder.name}.png", dpi=110)
        pyplot.close(figure)


def _curve(axis: Any, run: Path) -> None:
    found = [row for row in rows(run) if "eval/accuracy" in row]
    steps = [row["step"] for row in found]
    (line,) = axis.plot(steps, [row["eval/accuracy"] for row in found], label=run.name)
    low, high = [row["eval/low"] for row in found], [row["eval/high"] for row in found]
    axis.fill_between(steps, low, high, alpha=0.2, color=line.get_color())


if __name__ == "__main__":
    main()
