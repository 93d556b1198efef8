"""Started together, measured one after the other: a process that is warm says so and waits until it is called.

bench/gpu/run.sh sets R1RL_TURN to the path of a name. The process makes PATH.ready and waits for PATH.go, so that the
minutes in which all of them start are spent once, and nobody else works while one is measured.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

POLL_S = 0.05


def expected() -> bool:
    """Whether this process has to wait for its turn."""
    return bool(os.environ.get("R1RL_TURN"))


def wait() -> None:
    """Waits for this process's turn; without turns, not at all."""
    turn = os.environ.pop("R1RL_TURN", None)  # once
    if turn:
        Path(f"{turn}.ready").touch()
        while not Path(f"{turn}.go").exists():
            time.sleep(POLL_S)
