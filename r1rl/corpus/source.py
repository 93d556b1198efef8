"""Training on a published set: which rows are held out, and in which order the others come."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from r1rl.corpus.definition import Corpus
from r1rl.corpus.hygiene import BadRow
from r1rl.corpus.load import load, told, unknown_bad
from r1rl.corpus.normalise import key
from r1rl.errors import UserError
from r1rl.types import Problem

BAD_ROWS = ("refuse", "drop")


def training_source(
    corpus: Corpus,
    *,
    seed: int,
    heldout: float,
    bad_rows: str,
    keep: Callable[[Problem], bool] = lambda problem: True,
    worked: Callable[[Problem], str] | None = None,
) -> CorpusSource:
    """A source of a set's problems.

    Args:
        heldout: the share of questions that is never trained on; which ones depends on nothing but their text.
        bad_rows: "refuse" to train when there are bad rows that the definition does not list, or "drop" them.
        keep: which problems to take.
        worked: how a problem's worked example reads, for sets that have them.

    Raises ValueError for options that make no sense and UserError for data that cannot be used.
    """
    if isinstance(heldout, bool) or not isinstance(heldout, int | float) or not 0 < heldout < 1:
        raise ValueError(f"{corpus.name}: heldout must be a number between 0 and 1, not {heldout!r}")
    if bad_rows not in BAD_ROWS:
        raise ValueError(f"{corpus.name}: bad_rows must be {' or '.join(BAD_ROWS)}, not {bad_rows!r}")
    loaded = load(corpus)
    unknown = unknown_bad(corpus, loaded)
    if unknown and bad_rows == "refuse":
        raise UserError(
            f"{corpus.name}: {len(unknown)} rows of {loaded.origin} cannot be used:\n{told(unknown)}",
            "a policy cannot be right about them, and is punished all the same",
            "write data.options: {bad_rows: drop} to train without them, or correct the file",
        )
    splits: dict[str, list[Problem]] = {"train": [], "heldout": []}
    for problem in filter(keep, loaded.problems):
        splits["heldout" if _fraction(problem.question) < heldout else "train"].append(problem)
    for split, kept in splits.items():
        if not kept:
            raise ValueError(f"{corpus.name}: none of the rows is {split}; change heldout")
    return CorpusSource(name=corpus.name, seed=seed, splits=splits, left_out=loaded.bad, text=worked)


@dataclass(frozen=True, kw_only=True)
class CorpusSource:
    """See `training_source`. The training problems come in another random order in every epoch."""

    name: str
    seed: int
    splits: dict[str, list[Problem]]
    left_out: tuple[BadRow, ...]  # for whoever reports: the rows that could not be used
    text: Callable[[Problem], str] | None

    def problem(self, split: str, ordinal: int) -> Problem:
        if split not in self.splits:
            raise ValueError(f"{self.name} has the splits 'train' and 'heldout', not {split!r}")
        problems = self.splits[split]
        epoch, place = divmod(ordinal, len(problems))
        if split == "train":
            return problems[_order(self.seed, epoch, len(problems))[place]]
        if epoch:
            raise ValueError(f"{self.name}: no held-out problem {ordinal}, there are {len(problems)}")
        return problems[place]

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        if self.text is None:
            raise ValueError(f"{self.name}: the set has no worked examples; leave out warmup")
        problem = self.problem("train", ordinal)
        return problem, self.text(problem)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return order


def _fraction(question: str) -> float:
    # Of the normalised question, so that no question stands in both splits in two ways of writing it.
    return int.from_bytes(hashlib.sha256(key(question).encode()).digest()[:8]) / 2**64
