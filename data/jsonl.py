"""Problems of your own: a file of JSON objects, one per line.

Nothing is dropped silently: a row that cannot be a problem is an error with its line. Which rows are held out is
decided by a hash of the question, so that no question, however often it stands in the file, is in both splits.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from r1rl.types import Problem, ProblemSource


def source(
    *, seed: int, path: str, question: str = "problem", answer: str = "answer", heldout: float = 0.1
) -> ProblemSource:
    """The rows of a file. All fields of a row are the problem's `meta`, where code rewards look for `tests`.

    Args:
        question, answer: the fields with the question and the gold answer.
        heldout: the share of questions that is never trained on.

    Raises ValueError for a file without usable rows, naming the line.
    """
    if not 0 < heldout < 1:
        raise ValueError(f"jsonl: heldout must be between 0 and 1, not {heldout!r}")
    try:
        lines = Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"jsonl: {path} cannot be read: {error}") from None
    problems = [_problem(f"{path}:{n}", line, question, answer) for n, line in enumerate(lines, 1) if line.strip()]
    splits: dict[str, list[Problem]] = {"train": [], "heldout": []}
    for problem in problems:
        splits["heldout" if _fraction(problem.question) < heldout else "train"].append(problem)
    for split, kept in splits.items():
        if not kept:
            raise ValueError(f"jsonl: {path} has {len(problems)} rows, none of them {split}; change heldout")
    return Jsonl(seed=seed, splits=splits)


@dataclass(frozen=True, kw_only=True)
class Jsonl:
    """See `source`. The training rows come in another random order in every epoch."""

    seed: int
    splits: dict[str, list[Problem]]

    def problem(self, split: str, ordinal: int) -> Problem:
        problems = self.splits[split]
        epoch, place = divmod(ordinal, len(problems))
        if split == "train":
            return problems[_order(self.seed, epoch, len(problems))[place]]
        if epoch:
            raise ValueError(f"jsonl: no held-out problem {ordinal}, there are {len(problems)}")
        return problems[place]

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        raise ValueError("jsonl: a file of problems has no worked examples; leave out warmup")


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def _problem(place: str, line: str, question: str, answer: str) -> Problem:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"jsonl: {place}: not JSON: {error}") from None
    if not isinstance(row, dict) or not isinstance(row.get(question), str):
        raise ValueError(f"jsonl: {place}: there is no text in `{question}`")
    gold = row.get(answer)
    if not isinstance(gold, str | int | float) and row.get("tests") is None:
        raise ValueError(f"jsonl: {place}: there is neither a text in `{answer}` nor `tests`")
    return Problem(
        id=str(row.get("id", place)), question=row[question], gold="" if gold is None else str(gold), meta=row
    )


def _fraction(question: str) -> float:
    return int.from_bytes(hashlib.sha256(question.encode()).digest()[:8]) / 2**64
