"""The machine a number was measured on, and what its GPUs did meanwhile: utilisation, memory and idle gaps at 20 Hz."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from r1rl.run import environment

PERIOD_MS = 50
IDLE = 5  # percent
QUERY = "index,utilization.gpu,memory.used,power.draw"
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


Row = tuple[float, float, float, float, float]  # seconds since the epoch, GPU, percent, MiB, W


class Watch:
    """Samples the GPUs this process may use while the block runs, with nvidia-smi; without one it has nothing to tell.

    Utilisation is NVIDIA's: the share of the last sampling window (1/6 s or more) in which any kernel ran. It says when
    a GPU rests, not how well it works.
    """

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Watch:
        if shutil.which("nvidia-smi"):
            visible = os.environ.get("CUDA_VISIBLE_DEVICES")  # which nvidia-smi does not heed
            which = f"-i {visible} " if visible else ""
            smi = f"nvidia-smi {which}--query-gpu={QUERY} --format=csv,noheader,nounits -lms {PERIOD_MS}"
            stamped = f'{smi} | while IFS= read -r line; do echo "$EPOCHREALTIME,$line"; done'
            self._file = tempfile.TemporaryFile()  # a pipe would be full after two minutes
            self._process = subprocess.Popen(["bash", "-c", stamped], stdout=self._file, start_new_session=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGTERM)  # a session of its own: it and its children
        self._process.wait()
        self._file.seek(0)
        for line in self._file.read().decode().splitlines():
            with suppress(ValueError):  # "[N/A]", or a line cut off by the end
                stamp, gpu, used, memory, power = (float(x) for x in line.split(","))
                self.rows.append((stamp, gpu, used, memory, power))

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
            "gpu/samples": len(rows),
        }


def _longest_idle(rows: list[Row]) -> float:
    longest, busy = 0.0, rows[0][0]
    for stamp, _, used, _, _ in rows:
        busy = stamp if used >= IDLE else busy
        longest = max(longest, stamp - busy)
    return longest
