"""Addition of two numbers: endless, exact, and small enough for a policy that trains on a laptop in minutes.

`worked` writes the answers from which a pretrained base has learnt. Such a base has seen answers both without and with
their working, and all of them were right; but a small policy can only *be* right when it works column by column. That
working pays is what reinforcement learning has to find out, from rewards alone.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from itertools import count

from r1rl.types import Problem, ProblemSource

Pair = tuple[int, int]
BLOCK = 500  # held-out problems made at a time
DRAWS = 100_000  # at most, per block: it takes 5,000 unless hardly any held-out problem is left to find


def source(*, seed: int, digits: int = 3, guess_share: float = 0.7) -> ProblemSource:
    """Sums of two numbers of exactly `digits` digits; a share `guess_share` of the worked answers skips the working."""
    if not isinstance(digits, int) or not 2 <= digits <= 6:
        raise ValueError(f"addition: digits must be a whole number from 2 to 6, not {digits!r}")
    if not isinstance(guess_share, int | float) or not 0 <= guess_share <= 1:
        raise ValueError(f"addition: guess_share must be a number from 0 to 1, not {guess_share!r}")
    return Addition(seed=seed, digits=digits, guess_share=guess_share)


@dataclass(frozen=True, kw_only=True)
class Addition:
    """See `source`.

    >>> Addition(seed=0, digits=3, guess_share=0.7).problem("train", 0).question
    '734+254=?'
    """

    seed: int
    digits: int
    guess_share: float

    def problem(self, split: str, ordinal: int) -> Problem:
        if split == "train":
            return self._problem(f"train/{self.seed}/{ordinal}", self._train_pair(ordinal))
        if split == "heldout":
            return self._problem(f"heldout/{ordinal}", self._heldout_pair(ordinal))
        raise ValueError(f"addition has the splits 'train' and 'heldout', not {split!r}")

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        a, b = self._train_pair(ordinal)
        guess = random.Random(f"{self.seed}/worked/{ordinal}").random() < self.guess_share
        thinking = f"{a}+{b}" if guess else columns(a, b)
        return self.problem("train", ordinal), f"<think>{thinking}</think><answer>{a + b}</answer>"

    def _train_pair(self, ordinal: int) -> Pair:
        draws = (_draw(random.Random(f"{self.seed}/train/{ordinal}/{attempt}"), self.digits) for attempt in count())
        return next(pair for pair in draws if not _is_heldout(pair))

    def _heldout_pair(self, ordinal: int) -> Pair:
        block, place = divmod(ordinal, BLOCK)
        pairs = _heldout_block(self.digits, block)
        if place >= len(pairs):
            raise ValueError(
                f"addition: no held-out problem {ordinal} with {self.digits} digits; ask for fewer problems"
            )
        return pairs[place]

    def _problem(self, place: str, pair: Pair) -> Problem:
        a, b = pair
        return Problem(
            id=f"addition{self.digits}/{place}",
            question=f"{a}+{b}=?",
            gold=str(a + b),
            meta={"digits": self.digits},
        )


def columns(a: int, b: int) -> str:
    """The sum column by column from the right, always with the carry and two digits of result.

    The width is fixed on purpose: every token then stands at a constant distance from the digits it depends on, which
    a small policy learns in a minute; with carries written only where there are any it takes many times as long.

    >>> columns(347, 285)
    '7+5+0=12 4+8+1=13 3+2+1=06'
    """
    steps, carry = [], 0
    for x, y in zip(reversed(str(a)), reversed(str(b)), strict=True):
        total = int(x) + int(y) + carry
        steps.append(f"{x}+{y}+{carry}={total:02d}")
        carry = total // 10
    return " ".join(steps)


def _draw(rng: random.Random, digits: int) -> Pair:
    low, high = 10 ** (digits - 1), 10**digits
    return rng.randrange(low, high), rng.randrange(low, high)


def _is_heldout(pair: Pair) -> bool:
    """A fifth of all sums, by the hash of the operands: no list to keep, and no seed can move a sum across.

    The operands are sorted first, because a + b gives b + a away.
    """
    a, b = sorted(pair)
    return int(hashlib.sha256(f"{a}+{b}".encode()).hexdigest(), 16) % 5 == 0


@cache
def _heldout_block(digits: int, block: int) -> tuple[Pair, ...]:
    """BLOCK held-out sums, none of which stands twice, in either order, in this block or in an earlier one."""
    if block and len(_heldout_block(digits, block - 1)) < BLOCK:
        return ()  # there were no more
    earlier = {frozenset(pair) for before in range(block) for pair in _heldout_block(digits, before)}
    rng = random.Random(f"heldout/{digits}/{block}")
    found: dict[frozenset[int], Pair] = {}
    for pair in (_draw(rng, digits) for _ in range(DRAWS)):
        if _is_heldout(pair) and frozenset(pair) not in earlier:
            found[frozenset(pair)] = pair
        if len(found) == BLOCK:
            break
    return tuple(found.values())
