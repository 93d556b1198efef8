"""Whole runs through the command line: one r1rl process, and how to find everything that it started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

RECIPE = "recipes/r1_zero_tiny.yaml"
SMALL = (
    "warmup.steps=8",
    "rollout.prompts=4",
    "rollout.group=4",
    "learner.warmup_steps=0",
    "learner.updates_per_rollout=2",
    "algorithm.sampling_rounds=2",
    "eval.problems=16",
    "train.checkpoint_every=2",
)
ROOT = Path(__file__).parent.parent


def _heed_interrupts():
    # A shell without job control makes what it starts in the background, and its children, deaf to interrupts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Cli:
    """One r1rl process, marked so that everything it started can be found."""

    def __init__(self, home, *arguments):
        self.mark = f"R1RL_TEST_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        env = os.environ | {"R1RL_HOME": str(home), name: value, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "r1rl", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_interrupts,
        )
        self.lines = []

    def until(self, text, seconds=240):
        """Reads output until a line holds `text`."""
        end = time.monotonic() + seconds
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return
            assert time.monotonic() < end, "".join(self.lines)
        raise AssertionError(f"{text!r} never came:\n" + "".join(self.lines))

    def finish(self, seconds=300):
        rest, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, "".join(self.lines) + rest

    def family(self):
        """Living processes that inherited the mark."""
        return [p for p in psutil.process_iter() if self._marked(p)]

    def _marked(self, process):
        try:
            name, value = self.mark.split("=")
            return process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def assert_no_orphans(self, seconds=30):
        end = time.monotonic() + seconds
        while (left := self.family()) and time.monotonic() < end:
            time.sleep(0.5)
        assert not left, [(p.pid, p.cmdline()) for p in left]


def train(home, folder, *more):
    return Cli(home, "train", RECIPE, *SMALL, *more, "--out", folder)


COSTS = ("time/", "learner/tokens_per_s", "learner/memory/")  # what a run took, which no run repeats


def rows(folder):
    kept = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if not key.startswith(COSTS)} for row in kept]
