"""The results of bench/algorithms.sh as a Markdown table: one row per recipe, mean gain with an interval over seeds.

python bench/algorithms.py FOLDER
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from math import sqrt
from pathlib import Path
from typing import Any

from scipy import stats

HEADER = (
    "| recipe | before | after, each seed | points gained, mean (95%) | clipped | KL to sampler | entropy | minutes |",
    "|---|---|---|---|---|---|---|---|",
)


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half width of Student's 95% interval over runs; no width from a single one.

    >>> [round(x, 2) for x in interval([35.2, 41.3, 37.2])]
    [37.9, 7.72]
    """
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, float("nan")
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, float(stats.t.ppf(0.975, len(values) - 1)) * spread / sqrt(len(values))


def results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """RECIPE-SEED.json by recipe, in order of seeds, with the means over all steps' metrics."""
    found = defaultdict(list)
    for file in sorted(folder.glob("*-[0-9]*.json")):
        rows = [json.loads(line) for line in file.with_suffix(".metrics.jsonl").read_text().splitlines()]
        learnt = [row for row in rows if "learner/loss" in row]
        found[file.stem.rpartition("-")[0]].append(json.loads(file.read_text()) | {"learnt": learnt})
    return dict(found)


def row(recipe: str, runs: list[dict[str, Any]]) -> str:
    before, after = ([100 * run["eval"][when]["accuracy"] for run in runs] for when in ("before", "after"))
    mean, half = interval([b - a for a, b in zip(before, after, strict=True)])
    cells = [
        f"[{recipe}]({recipe}.yaml)",
        " ".join(sorted({f"{value:.1f}" for value in before})),
        ", ".join(f"{value:.1f}" for value in after),
        f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})" if len(runs) > 1 else f"{mean:+.1f} (one run)",
        f"{_mean(runs, 'learner/clipped/frac'):.1%}",
        f"{_mean(runs, 'learner/kl_to_sampler/mean'):.1e}",
        f"{_last(runs, 'learner/entropy/mean'):.2f}",
        f"{sum(run['seconds'] for run in runs) / len(runs) / 60:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _mean(runs: list[dict[str, Any]], key: str) -> float:
    values = [step[key] for run in runs for step in run["learnt"]]
    return sum(values) / len(values)


def _last(runs: list[dict[str, Any]], key: str) -> float:
    return sum(run["learnt"][-1][key] for run in runs) / len(runs)


if __name__ == "__main__":
    print(*HEADER, *(row(*found) for found in results(Path(sys.argv[1])).items()), sep="\n")
