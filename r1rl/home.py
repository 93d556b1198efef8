"""$R1RL_HOME: where things lie that can be made or fetched again."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder: ~/.cache/r1rl unless $R1RL_HOME names another."""
    return Path(os.environ.get("R1RL_HOME", "~/.cache/r1rl")).expanduser()
