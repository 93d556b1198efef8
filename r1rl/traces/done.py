"""Which ordinals are done, in memory that does not grow with them: they come nearly in order."""

from __future__ import annotations

from collections.abc import Iterable


class Done:
    """All below a border, and some beyond it.

    >>> done = Done([0, 1, 3])
    >>> 1 in done, 2 in done, 3 in done
    (True, False, True)
    >>> done.add(2)
    >>> done.below, done.beyond
    (4, set())
    """

    def __init__(self, ordinals: Iterable[int] = (), first: int = 0) -> None:
        self.below, self.beyond = first, set[int]()
        for ordinal in ordinals:
            self.add(ordinal)

    def add(self, ordinal: int) -> None:
        if ordinal >= self.below:
            self.beyond.add(ordinal)
        while self.below in self.beyond:
            self.beyond.remove(self.below)
            self.below += 1

    def __contains__(self, ordinal: int) -> bool:
        return ordinal < self.below or ordinal in self.beyond
