"""What a person sees while a suite is evaluated."""

from __future__ import annotations

from collections.abc import Sequence

from rich import progress as bars
from rich.console import Console

from r1rl.evaluation.attempts import Attempt
from r1rl.evaluation.suites import Suite
from r1rl.types import Verdict

LINES = 10  # told where there is no terminal


class Progress:
    """A bar with the running average on a terminal, some plain lines elsewhere."""

    def __init__(self, console: Console, suite: Suite, missing: int) -> None:
        self.console, self.suite, self.missing = console, suite, missing
        self.done = self.right = self.lenient = self.answers = 0
        columns = (bars.TextColumn("{task.description}"), bars.BarColumn(bar_width=20), bars.MofNCompleteColumn())
        self._bar = bars.Progress(*columns, bars.TimeRemainingColumn(), console=console, transient=True)
        self._task = self._bar.add_task(suite.name, total=missing)

    def __enter__(self) -> Progress:
        have = len(self.suite.problems) - self.missing
        more = f", {have} of them answered before" if have else ""
        self.console.print(f"{self.suite.name}: {len(self.suite.problems)} problems{more}", highlight=False)
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def add(self, attempts: Sequence[Attempt]) -> None:
        """One more problem is done."""
        self.done += 1
        self.answers += len(attempts)
        self.right += sum(attempt.verdict is Verdict.CORRECT for attempt in attempts)
        self.lenient += sum(attempt.lenient is Verdict.CORRECT for attempt in attempts)
        right = f"{self.right / self.answers:.1%} right"
        right += f", {self.lenient / self.answers:.1%} leniently" if self.suite.lenient else ""
        self._bar.update(self._task, completed=self.done, description=f"{self.suite.name}  {right}")
        every = max(1, self.missing // LINES)
        if not self.console.is_terminal and (self.done % every == 0 or self.done == self.missing):
            self.console.print(f"  {self.done}/{self.missing}  {right}", highlight=False)
