"""The problems of a run, in order: a place in an endless sequence, so that resuming is seeking."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

from r1rl import canary
from r1rl.types import Problem, ProblemSource


def open_source(name: str, seed: int, options: dict[str, object]) -> ProblemSource:
    """The source `name` of r1rl.data, or of a user's file, as the recipe's rules have already checked it."""
    if name.endswith(".py"):
        spec = importlib.util.spec_from_file_location(f"r1rl_source_{Path(name).stem}", name)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(f"r1rl.data.{name}")
    return module.source(seed=seed, **options)


class Stream:
    """Training problems from an ordinal on.

    The position is all there is to save: `Stream(source, position)` goes on exactly where another one stopped.
    A share `canaries` of them, evenly spread, cannot be solved (see r1rl.canary).
    """

    def __init__(self, source: ProblemSource, position: int = 0, canaries: float = 0.0) -> None:
        self.source, self.position = source, position
        self._between = round(1 / canaries) if canaries else 0

    def take(self, count: int) -> list[Problem]:
        """The next `count` problems."""
        problems = [self._problem(self.position + i) for i in range(count)]
        self.position += count
        return problems

    def _problem(self, ordinal: int) -> Problem:
        if self._between and (ordinal + 1) % self._between == 0:
            return canary.problem(self.source, ordinal)
        return self.source.problem("train", ordinal)
