"""The tables of bench/README.md about evaluations: whole sets, and one set before and after a learning run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.learning import Table, share

STAGES = {"before": "the instruct model", "base": "after the cold start", "after": "after the learning"}


def sets(folder: Path, table: Table) -> str:
    """A row for each set that was evaluated on each machine: FOLDER/MACHINE/PART/SUITE/results.json."""
    head = ["set", "machine", "problems", "strict", "lenient", "cut off", "tokens/s, judging included"]
    return table(head, [_set(file, file.relative_to(folder).parts[0]) for file in sorted(folder.rglob("results.json"))])


def _set(file: Path, host: str) -> list[str]:
    r = json.loads(file.read_text())
    cut, speed = f"{r['rates']['truncated']:.1%}", f"{r['tokens_per_second']:,.0f}"
    return [r["suite"], host, f"{r['n']:,}", *(_points(r, name) for name in ("avg@1", "lenient@1")), cut, speed]


def stages(folder: Path, suite: str, table: Table) -> str:
    """A row for each stage of a learning run: FOLDER/SUITE-STAGE/results.json."""
    found = {stage: folder / f"{suite}-{stage}" / "results.json" for stage in STAGES}
    results = {stage: json.loads(file.read_text()) for stage, file in found.items() if file.exists()}
    rows = [[STAGES[stage], _points(r, "avg@1"), _points(r, "lenient@1")] for stage, r in results.items()]
    return table(["", "strict", "lenient"], rows)


def _points(r: dict[str, Any], name: str) -> str:
    """An estimate with its 95% interval over problems, in points."""
    if name not in r["estimates"]:
        return "–"
    interval = r["intervals"][name]["over_problems"]
    return share(r["estimates"][name], interval["low"], interval["high"])
