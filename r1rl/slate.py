"""Where a judge writes its scores: memory shared with the driver. It outlives the judge, and nobody is woken for it.

Sent one by one, the scores of short answers cost more than judging them: a few system calls and a change of threads
each. Sent together at the end, they would be lost with a judge that is killed at one of them.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import struct
import time
from typing import NamedTuple

from r1rl.types import Score

SIZE = 1 << 20  # bytes: a score has one or two hundred, and a chunk 32 scores
# `turned`, the end of what is written, `done`: the last, so that a judge killed in between counts whole scores only.
HEAD = struct.Struct("dQQ")


class Progress(NamedTuple):
    """How far a judge is."""

    turned: float  # when it turned to the answer that it judges now: time.monotonic, the same in all processes
    done: int  # scores it has written


class Slate:
    """The scores of one chunk of answers, in order. The driver wipes it before each; the judge only adds.

    >>> slate = Slate(blank())
    >>> slate.wipe(), slate.progress().done, slate.scores(1)
    (None, 0, [])
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SIZE)
        os.close(fd)

    def wipe(self) -> None:
        HEAD.pack_into(self._memory, 0, time.monotonic(), HEAD.size, 0)

    def add(self, score: Score) -> None:
        """Raises IndexError when there is no room left."""
        _, start, done = HEAD.unpack_from(self._memory)
        data = pickle.dumps(score)
        self._memory[start : start + len(data)] = data
        HEAD.pack_into(self._memory, 0, time.monotonic(), start + len(data), done + 1)

    def progress(self) -> Progress:
        turned, _, done = HEAD.unpack_from(self._memory)
        return Progress(turned, done)

    def scores(self, count: int) -> list[Score]:
        """The first scores, `count` at most."""
        _, end, done = HEAD.unpack_from(self._memory)
        file = io.BytesIO(self._memory[HEAD.size : end])
        return [pickle.load(file) for _ in range(min(count, done))]


def blank() -> int:
    """A file descriptor of new memory for a Slate."""
    fd = os.memfd_create("slate")
    os.ftruncate(fd, SIZE)
    return fd
