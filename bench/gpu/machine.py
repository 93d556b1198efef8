"""The machine a number was measured on, and what its GPUs did meanwhile: work and memory."""

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
    told = {"environment": environment(), **numbers}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in told.items()]  # a key, a line: traces are long
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"wrote {path}", flush=True)


Look = tuple[float, int, float]  # seconds since the epoch, GPU, percent of the time in which it worked


class Watch:
    """Looks at the GPUs this process may use while the block runs (gauge.py); without one it has nothing to tell."""

    def __init__(self) -> None:
        self.looks: list[Look] = []
        self.rows: Sequence[tuple[float, ...]] = []  # gauge.py's lines
        self.kind = ""  # of the looks
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
        self.read(self._file.read_text() if self._file.exists() else "")

    def read(self, text: str) -> None:
        """Takes what gauge.py wrote: the hardware's counter, or NVML's average where there is none."""
        rows = []
        for line in text.splitlines():
            with suppress(ValueError):  # cut off by the end
                second, gpu, counted, average, used, watt, own = map(float, line.split(","))
                rows.append((second, gpu, counted, average, used, watt, own))
        self.kind, place = ("hardware counter", 2) if any(row[2] > 0 for row in rows) else ("driver's average", 3)
        self.rows, self.looks = rows, [(row[0], int(row[1]), row[place]) for row in rows]

    def between(self, start: float, end: float) -> dict[str, Any]:
        """Numbers of a stretch of time (seconds since the epoch), over all GPUs together."""
        rows = [row for row in self.rows if start <= row[0] <= end]
        looks = [look for look in self.looks if start <= look[0] <= end]
        if not rows or not looks:
            return {}
        return {
            "gpu/looked_at": self.kind,
            "gpu/looks": len(looks),
            "gpu/utilisation/mean": sum(look[2] for look in looks) / len(looks) / 100,
            "gpu/memory/max_gib": max(row[4] for row in rows) / 1024,
            "gpu/power/mean_w": sum(row[5] for row in rows) / len(rows),
            "gpu/memory/own_max_gib": max(row[6] for row in rows) / 1024,
        }

    def steps(self, ends: Sequence[float]) -> dict[str, Any]:
        """The same of the steps between these times, and a trace: what share of the time the first GPU worked.

        The trace holds the ends in seconds after the first of them, and [second, percent] for each look at the GPU.
        """
        since, until = ends[0], ends[-1]
        looks = [look for look in self.looks if since <= look[0] <= until]
        busy = [[round(second - since, 3), round(percent)] for second, gpu, percent in looks if gpu == looks[0][1]]
        return {**self.between(since, until), "trace": {"ends": [end - since for end in ends], "busy": busy}}
