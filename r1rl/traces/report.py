"""What became of the traces: how many were kept, and for each reason how many were not, with examples."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from r1rl.errors import UserError
from r1rl.traces.trace import Trace

EXAMPLES = 5  # traces named for each reason


class Report:
    """Counts while traces go by. Those of a problem stand together: no problem has to be remembered."""

    def __init__(self) -> None:
        self.traces = self.kept = self.problems = self.covered = self.tokens = 0
        self.dropped: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = defaultdict(list)
        self._last: str | None = None
        self._last_kept = False

    def add(self, trace: Trace, why: str | None) -> None:
        """One more trace; `why` it was dropped, or None."""
        if trace.id != self._last:
            self.problems, self._last, self._last_kept = self.problems + 1, trace.id, False
        self.traces += 1
        if why is None:
            self.kept, self.tokens = self.kept + 1, self.tokens + trace.tokens
            self.covered += not self._last_kept
            self._last_kept = True
            return
        self.dropped[why] += 1
        if len(self.examples[why]) < EXAMPLES:
            self.examples[why].append(f"{trace.id} #{trace.sample}")

    def require_some(self, source: Path) -> None:
        """Raises UserError when nothing was kept."""
        if not self.kept:
            reasons = ", ".join(f"{count} {why}" for why, count in self.dropped.most_common())
            raise UserError(
                f"of {self.traces} traces in {source} none can be kept: {reasons}",
                "there is nothing to learn from",
                "loosen the rule that drops most, or sample from a better policy",
            )

    def as_json(self) -> str:
        return json.dumps(self.numbers() | {"examples": self.examples}, indent=1) + "\n"

    def numbers(self) -> dict[str, Any]:
        """The counts as plain data; tokens are those of the kept traces."""
        counts = {name: getattr(self, name) for name in ("traces", "kept", "problems", "covered", "tokens")}
        return counts | {"dropped": dict(self.dropped.most_common())}

    def table(self) -> Table:
        """For a person."""
        table = Table(box=None)
        for column in ("", "traces", "share", "for example"):
            table.add_column(column, justify="right" if column in ("traces", "share") else "left")
        rows: Sequence[tuple[str, int, str]] = [
            ("kept", self.kept, f"{self.covered} of {self.problems} problems have one"),
            *((why, count, ", ".join(self.examples[why][:2])) for why, count in self.dropped.most_common()),
        ]
        for what, count, example in rows:
            table.add_row(what, f"{count:,}", f"{count / max(1, self.traces):.1%}", example)
        return table
