"""Where the noise goes: an actor's output belongs in a file of the run folder, its errors to the user."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path


def redirect_output(log: Path) -> None:
    """Sends this process's and its children's output to a file: their errors reach the user as exceptions."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = open(log, "a", buffering=1)  # noqa: SIM115  # stays open for the life of the process
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)


def hush_libraries() -> None:
    """Keeps what torchao says on import off the screen: that its kernels for GPUs and other Pythons don't load here.

    transformers imports it wherever it is installed, needed or not.
    """
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
