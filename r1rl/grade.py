"""Grading a file: one row in, the same row with a verdict out.

A row is a JSON object with `response` and with `answer` (the gold) or `tests`; `problem` or `question`, `id` and
`tokens` are used where a reward asks for them, and every other field is kept. Rows are streamed: memory does not grow.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from r1rl.errors import UserError
from r1rl.judge import Answer
from r1rl.recipe.document import read
from r1rl.reward import JudgePool
from r1rl.types import Problem, Score, Verdict

BATCH = 512  # rows graded at once by each judge
SHOWN = 20  # bad rows told one by one


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the input that can be graded."""

    fields: dict[str, object]
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class BadRow:
    """One line that cannot, and why.

    >>> parse(7, b'{"answer": "3"}')
    BadRow(line=7, why='it has no text in `response`')
    """

    line: int
    why: str


def grade(console: Console, pool: JudgePool, source: Path, target: Path) -> Counter[str]:
    """Grades a file of rows; how often each verdict came, and how many rows were bad.

    The target appears when it is complete. Bad rows are told by line and left out.
    """
    partial = target.with_name(target.name + ".partial")
    counts: Counter[str] = Counter()
    with open(partial, "w") as out, _Bar(console, source) as bar:
        rows = _rows(source, bar.moved)
        while batch := list(islice(rows, BATCH * pool.workers)):
            good = [row for row in batch if isinstance(row, Row)]
            for row, score in zip(good, pool.judge([row.answer for row in good]), strict=True):
                out.write(json.dumps(row.fields | _verdict(score)) + "\n")
                counts[score.verdict.value] += 1
            for bad in (row for row in batch if isinstance(row, BadRow)):
                counts["bad rows"] += 1
                if counts["bad rows"] <= SHOWN:
                    console.print(f"{source}:{bad.line}: left out: {bad.why}", highlight=False, markup=False)
    partial.replace(target)
    console.print(_table(counts))
    return counts


def options_of(texts: Sequence[str]) -> dict[str, object]:
    """Options written as on the command line, values as in YAML. Raises UserError.

    >>> options_of(["extract=answer", "partial=true"])
    {'extract': 'answer', 'partial': True}
    """
    options = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier():
            raise UserError(f"--option {text} is not key=value", "options go to the reward", "write --option key=value")
        options[key] = _yaml(value, f"--option {text}")
    return options


def _yaml(value: str, place: str) -> object:
    return read(value, place, lambda line: place).data


def parse(line: int, raw: bytes) -> Row | BadRow:
    """A line of the input. Never raises: what is in a file of answers was written by a model."""
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError) as error:
        return BadRow(line=line, why=f"it is not JSON: {error}")
    if not isinstance(fields, dict):
        return BadRow(line=line, why="it is not an object")
    if not isinstance(fields.get("response"), str):
        return BadRow(line=line, why="it has no text in `response`")
    gold, tests = fields.get("answer"), fields.get("tests")
    if gold is None and tests is None:
        return BadRow(line=line, why="it has neither `answer` nor `tests`")
    if not isinstance(gold, str | int | float | None) or isinstance(gold, bool):
        return BadRow(line=line, why="its `answer` is neither a text nor a number")
    return Row(fields=fields, answer=_answer(line, fields, "" if gold is None else str(gold)))


def _answer(line: int, fields: dict[str, object], gold: str) -> Answer:
    question = str(fields.get("problem") or fields.get("question") or "")
    problem = Problem(id=str(fields.get("id", line)), question=question, gold=gold, meta=fields)
    tokens = fields.get("tokens")
    return Answer(problem=problem, text=str(fields["response"]), tokens=tokens if isinstance(tokens, int) else None)


def _rows(source: Path, moved: Callable[[int], None]) -> Iterator[Row | BadRow]:
    with open(source, "rb") as file:
        for number, raw in enumerate(file, 1):
            moved(len(raw))
            if raw.strip():
                yield parse(number, raw)


def _verdict(score: Score) -> dict[str, object]:
    return {"verdict": score.verdict.value, "score": score.value, "detail": score.detail}


def check_paths(source: Path, target: Path) -> None:
    """Raises UserError unless there is something to read and nothing to overwrite."""
    if not source.is_file():
        raise UserError(f"there is no file {source}", "its rows are what is graded", "correct --input")
    if target.exists():
        raise UserError(f"{target} exists already", "verdicts are never overwritten", "remove it or correct --output")
    if not target.parent.is_dir():
        raise UserError(f"there is no folder {target.parent}", "verdicts are written there", "make it first")


def _table(counts: Counter[str]) -> Table:
    table = Table("verdict", "rows", "share", box=None)
    total = counts.total() - counts["bad rows"]
    for verdict in Verdict:
        table.add_row(verdict.value, str(counts[verdict.value]), f"{counts[verdict.value] / max(1, total):.1%}")
    if counts["bad rows"]:
        table.add_row("bad rows, left out", str(counts["bad rows"]), "")
    return table


class _Bar(Progress):
    """Progress in bytes read, on a terminal only."""

    def __init__(self, console: Console, source: Path) -> None:
        columns = (TextColumn("grading"), BarColumn(), TextColumn("{task.percentage:.0f}%"), TimeRemainingColumn())
        super().__init__(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self.add_task("grading", total=source.stat().st_size)

    def moved(self, count: int) -> None:
        self.advance(self._task, count)
