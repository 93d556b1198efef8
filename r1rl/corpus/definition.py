"""What a data set is: where it comes from, how many rows it has, how a row becomes a problem, which rows are bad.

Every published set is brought into one layout first: a row of JSON with `id`, `problem` and `answer`, which is how sets
lie in a folder ($R1RL_DATA). Rows of the hub have other names for these, so a definition has two functions: `row`
turns the hub's row into the layout, `problem` a row of the layout into a Problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from r1rl.types import Problem

Row = Mapping[str, Any]
Kind = Literal["math", "choice", "code", "traces"]


@dataclass(frozen=True, kw_only=True)
class Hub:
    """Where a set lies on the Hugging Face hub.

    >>> Hub(repo="openai/gsm8k", revision=None, configs=("main",), split="test", rows=1319).where
    'openai/gsm8k (main, test; not pinned)'
    """

    repo: str
    revision: str | None  # a commit hash; None: no trustworthy one is known, the newest is taken and this is said
    rows: int | None  # None: not known
    split: str = "train"
    configs: tuple[str, ...] = ()  # read one after the other
    files: tuple[str, ...] = ()  # JSON or JSON Lines, read as they are; () leaves it to `datasets` to find them
    gated: bool = False  # whoever downloads it has to accept terms first

    @property
    def where(self) -> str:
        """In words."""
        revision = self.revision[:8] if self.revision else "not pinned"
        return f"{self.repo} ({', '.join((*self.configs, self.split))}; {revision})"


@dataclass(frozen=True, kw_only=True)
class Offline:
    """A file of JSON Lines in the folder $R1RL_DATA, beside its MANIFEST.json.

    >>> Offline(file="math500.jsonl", rows=500, sha256=None).rows
    500
    """

    file: str
    rows: int | None = None  # None: what the manifest says
    sha256: str | None = None  # None: what the manifest says


def any_row(row: Row) -> bool:
    """Keeps every row."""
    return True


def as_is(index: int, row: Row) -> Row:
    """For sets whose rows on the hub are in the layout already."""
    return row


def question_and_answer(row: Row) -> Problem:
    """A problem whose answer is judged by comparing it with the gold answer.

    >>> question_and_answer({"id": "a/1", "problem": "1 + 1 = ?", "answer": "2", "level": 1})
    Problem(id='a/1', question='1 + 1 = ?', gold='2', meta={'level': 1})
    """
    meta = {key: value for key, value in row.items() if key not in ("id", "problem", "answer")}
    return Problem(id=row["id"], question=row["problem"], gold=row["answer"], meta=meta)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One published set.

    >>> Corpus(name="tiny", title="Tiny", licence="MIT", kind="math", reward="math:correct").file.file
    'tiny.jsonl'
    """

    name: str  # of its module in r1rl.data
    title: str
    licence: str
    kind: Kind
    reward: str  # the judge that fits its answers, as a recipe names it
    hub: Hub | None = None
    offline: Offline | None = None  # None: NAME.jsonl, as the manifest describes it
    row: Callable[[int, Row], Row] = as_is
    keep: Callable[[Row], bool] = any_row  # which rows of the layout belong to the set
    count: int | None = None  # rows that are left after `keep`; None: not known, or all
    unique: bool = False  # on the hub each row stands many times: the first of each id counts
    problem: Callable[[Row], Problem] = question_and_answer
    known_bad: Mapping[str, str] = field(default_factory=dict)  # id -> reason: left out without asking, and listed

    @property
    def file(self) -> Offline:
        """The set's file in $R1RL_DATA."""
        return self.offline or Offline(file=f"{self.name}.jsonl")
