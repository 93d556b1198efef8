"""The kinds of stages: one file each, found by its name. A new file here is a new kind."""

from __future__ import annotations

import importlib
import pkgutil

from r1rl.pipeline.stage import Kind

SHARED = "shared"


def kinds() -> dict[str, Kind]:
    """All of them, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != SHARED)
    return {name: importlib.import_module(f"{__name__}.{name}").KIND for name in names}
