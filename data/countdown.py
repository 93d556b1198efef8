"""Countdown, the numbers game: write an expression that uses every given number once and makes the target.

Many answers can be right and checking one is easy, while finding one takes search: the classic small test of reasoning
by reinforcement learning. Targets are made from a random expression, so every problem has a solution.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from itertools import count as count_up

from r1rl.types import Problem, ProblemSource

BLOCK = 500  # held-out problems made at a time
DRAWS = 100_000  # at most, per block: it takes 5,000 unless hardly any held-out problem is left to find


def source(*, seed: int, count: int = 3, high: int = 20) -> ProblemSource:
    """Problems with `count` numbers from 1 to `high`; a number that stands twice is to be used twice."""
    if not isinstance(count, int) or not 3 <= count <= 4:
        raise ValueError(f"countdown: count must be 3 or 4, not {count!r}")
    if not isinstance(high, int) or not 10 <= high <= 100:
        raise ValueError(f"countdown: high must be a whole number from 10 to 100, not {high!r}")
    return Countdown(seed=seed, count=count, high=high)


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """Numbers, a target, and the expression that the target was made from.

    >>> Puzzle(numbers=(3, 7, 12), target=63, steps=("12-3=9", "9*7=63"), expression="(12-3)*7").target
    63
    """

    numbers: tuple[int, ...]  # ascending, so that their order tells nothing about the expression
    target: int
    steps: tuple[str, ...]
    expression: str

    @property
    def key(self) -> tuple[int, ...]:
        """What makes two puzzles the same problem."""
        return (*self.numbers, self.target)


@dataclass(frozen=True, kw_only=True)
class Countdown:
    """See `source`.

    >>> Countdown(seed=0, count=3, high=20).problem("train", 0).question
    'Use each of 3, 13, 19 once with + - * / to make 35.'
    """

    seed: int
    count: int
    high: int

    def problem(self, split: str, ordinal: int) -> Problem:
        if split == "train":
            return self._problem(f"train/{self.seed}/{ordinal}", self._train_puzzle(ordinal))
        if split == "heldout":
            return self._problem(f"heldout/{ordinal}", self._heldout_puzzle(ordinal))
        raise ValueError(f"countdown has the splits 'train' and 'heldout', not {split!r}")

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        puzzle = self._train_puzzle(ordinal)
        text = f"<think>{' '.join(puzzle.steps)}</think><answer>{puzzle.expression}</answer>"
        return self.problem("train", ordinal), text

    def _train_puzzle(self, ordinal: int) -> Puzzle:
        seeds = (f"{self.seed}/train/{ordinal}/{attempt}" for attempt in count_up())
        draws = (_draw(random.Random(seed), self.count, self.high) for seed in seeds)
        return next(puzzle for puzzle in draws if not _is_heldout(puzzle))

    def _heldout_puzzle(self, ordinal: int) -> Puzzle:
        block, place = divmod(ordinal, BLOCK)
        puzzles = _heldout_block(self.count, self.high, block)
        if place >= len(puzzles):
            raise ValueError(f"countdown: no held-out problem {ordinal} up to {self.high}; ask for fewer problems")
        return puzzles[place]

    def _problem(self, place: str, puzzle: Puzzle) -> Problem:
        numbers = ", ".join(map(str, puzzle.numbers))
        return Problem(
            id=f"countdown{self.count}of{self.high}/{place}",
            question=f"Use each of {numbers} once with + - * / to make {puzzle.target}.",
            gold=str(puzzle.target),
            meta={"numbers": list(puzzle.numbers), "target": puzzle.target},
        )


def _draw(rng: random.Random, count: int, high: int) -> Puzzle:
    """Random numbers, joined two at a time until one value is left."""
    numbers = rng.choices(range(1, high + 1), k=count)
    terms = [(number, str(number)) for number in numbers]
    steps: list[str] = []
    while len(terms) > 1:
        rng.shuffle(terms)
        (a, left), (b, right) = terms.pop(), terms.pop()
        sign, value = rng.choice(_results(a, b))
        steps.append(f"{a}{sign}{b}={value}")
        terms.append((value, f"({left}{sign}{right})"))
    value, expression = terms[0]
    return Puzzle(numbers=tuple(sorted(numbers)), target=value, steps=tuple(steps), expression=expression[1:-1])


def _results(a: int, b: int) -> list[tuple[str, int]]:
    """The operations whose value is a whole number above zero.

    >>> _results(12, 3)
    [('+', 15), ('*', 36), ('-', 9), ('/', 4)]
    >>> _results(3, 12)
    [('+', 15), ('*', 36)]
    """
    results = [("+", a + b), ("*", a * b)]
    if a > b:
        results.append(("-", a - b))
    if a % b == 0:
        results.append(("/", a // b))
    return results


def _is_heldout(puzzle: Puzzle) -> bool:
    """A tenth of all problems, by the hash of numbers and target: no list to keep, and no seed can move one across."""
    return int(hashlib.sha256(repr(puzzle.key).encode()).hexdigest(), 16) % 10 == 0


@cache
def _heldout_block(count: int, high: int, block: int) -> tuple[Puzzle, ...]:
    """BLOCK held-out problems, none of which stands twice in this block or in an earlier one."""
    if block and len(_heldout_block(count, high, block - 1)) < BLOCK:
        return ()  # there were no more
    earlier = {puzzle.key for before in range(block) for puzzle in _heldout_block(count, high, before)}
    rng = random.Random(f"heldout/{count}/{high}/{block}")
    found: dict[tuple[int, ...], Puzzle] = {}
    for puzzle in (_draw(rng, count, high) for _ in range(DRAWS)):
        if _is_heldout(puzzle) and puzzle.key not in earlier:
            found[puzzle.key] = puzzle
        if len(found) == BLOCK:
            break
    return tuple(found.values())
