"""Who lies on which card: what a recipe says, and what would be faster or would fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Learner ranks and sampling engines on a number of cards.

    >>> Layout(cards=4, ranks=2, workers=2).together
    False
    """

    cards: int
    ranks: int  # of the learner, a card each
    workers: int  # sampling engines
    split: int = 1  # cards that one engine is split over

    @property
    def together(self) -> bool:
        """Whether ranks and engines share cards: they work in turns and each needs its memory all the time."""
        return self.ranks + self.workers * self.split > self.cards

    @property
    def on_one(self) -> int:
        """Engines beside a rank on the same card, at most."""
        return -(-self.workers * self.split // self.cards) if self.together else 0

    @property
    def unused(self) -> int:
        return max(0, self.cards - self.ranks - self.workers * self.split)

    @property
    def name(self) -> str:
        ranks = f"{self.ranks} learner rank{'s' if self.ranks > 1 else ''}"
        workers = f"{self.workers} sampling engine{'s' if self.workers > 1 else ''}"
        split = f" over {self.split} cards each" if self.split > 1 else ""
        return f"{ranks} and {workers}{split}, {'on the same cards' if self.together else 'apart'}"


def possible(cards: int, prompts: int, samples_per_update: int, split: int) -> Iterator[Layout]:
    """Layouts that use all cards: everything everywhere, or some cards for learning and the others for sampling."""
    if cards % split == 0 and cards // split <= prompts and cards <= samples_per_update:
        yield Layout(cards=cards, ranks=cards, workers=cards // split, split=split)
    host = 8 if cards > 16 else 1  # large clusters are shared out by hosts
    for ranks in range(host, cards, host):
        workers = (cards - ranks) // split
        if 0 < workers <= prompts and ranks <= samples_per_update:
            yield Layout(cards=cards, ranks=ranks, workers=workers, split=split)
