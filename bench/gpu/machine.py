"""The machine a number was measured on, and what its GPUs did meanwhile: work, memory and idle gaps at 50 Hz."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from r1rl.run import environment

IDLE = 5  # percent
BANDWIDTH = {"H200": 4.8e12, "H100": 3.35e12, "A100": 2.0e12}  # bytes a second of device memory, from the data sheets
FLOPS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}  # dense bf16 operations a second, from the data sheets
LINK = {"H200": 450e9, "H100": 450e9, "A100": 300e9}  # bytes a second to another GPU of the host, one direction


def limit(table: dict[str, float], name: str) -> float | None:
    """The data sheet's number for a GPU; None for one that is not in the table."""
    return next((value for known, value in table.items() if known in name), None)


def gpu_name() -> str:
    """The first GPU's name, "" where there is none."""
    gpus = environment()["gpus"]
    return str(gpus[0]).split(",")[0] if isinstance(gpus, list) and gpus else ""


def write(path: Path, numbers: dict[str, Any]) -> None:
    """Raw results as JSON, with the environment they were measured in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"environment": environment(), **numbers}, indent=1) + "\n")
    print(f"wrote {path}", flush=True)


Row = tuple[float, float, float, float, float, float]  # seconds, GPU, busy percent, MiB, W, own MiB


class Watch:
    """Looks at the GPUs this process may use while the block runs (gauge.py); without one it has nothing to tell."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watch:
        if shutil.which("nvidia-smi"):
            self._file = Path(tempfile.mkdtemp(prefix="gauge-")) / "rows.csv"
            gauge = [sys.executable, str(Path(__file__).with_name("gauge.py")), str(self._file), str(os.getpid())]
            self._process = subprocess.Popen(gauge)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        found = []
        for line in self._file.read_text().splitlines() if self._file.exists() else []:
            with suppress(ValueError):  # cut off by the end
                stamp, gpu, counted, average, used, watt, own = (float(x) for x in line.split(","))
                found.append((stamp, gpu, counted, average, used, watt, own))
        counts = any(row[2] > 0 for row in found)  # or this GPU's hardware counter says nothing
        self.rows = [(stamp, gpu, a if counts else b, *rest) for stamp, gpu, a, b, *rest in found]  # type: ignore[misc]

    def between(self, start: float, end: float) -> dict[str, float]:
        """Numbers of a stretch of time (seconds since the epoch), over all GPUs together."""
        rows = [row for row in self.rows if start <= row[0] <= end]
        if not rows:
            return {}
        gpus = {row[1] for row in rows}
        return {
            "gpu/utilisation/mean": sum(row[2] for row in rows) / len(rows) / 100,
            "gpu/idle/frac": sum(row[2] < IDLE for row in rows) / len(rows),
            "gpu/idle/longest_s": max(_longest_idle([row for row in rows if row[1] == gpu]) for gpu in gpus),
            "gpu/memory/max_gib": max(row[3] for row in rows) / 1024,
            "gpu/power/mean_w": sum(row[4] for row in rows) / len(rows),
            "gpu/memory/own_max_gib": max(row[5] for row in rows) / 1024,
            "gpu/samples": len(rows),
        }

    def steps(self, ends: Sequence[float]) -> dict[str, Any]:
        """The same of the steps between these times, and a trace: what share of the time the first GPU worked.

        The trace holds the ends in seconds after the first of them, and [second, percent] for each look at the GPU.
        """
        since, until = ends[0], ends[-1]
        looks = [row for row in self.rows if since <= row[0] <= until]
        busy = [[round(row[0] - since, 3), round(row[2])] for row in looks if row[1] == looks[0][1]]
        return {**self.between(since, until), "trace": {"ends": [end - since for end in ends], "busy": busy}}


def _longest_idle(rows: list[Row]) -> float:
    longest, busy = 0.0, rows[0][0]
    for stamp, _, share, *_ in rows:
        busy = stamp if share >= IDLE else busy
        longest = max(longest, stamp - busy)
    return longest
