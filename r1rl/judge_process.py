"""The process of one judge: `python -m r1rl.judge_process FD SLATE PARENT`, started by r1rl.reward.

It reads rewards from the socket FD, gets ready, then writes one score after the other of each list of answers on the
slate, and says what memory it holds when it is through. It ends when the socket does, and is killed by the kernel when
its parent dies.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

from r1rl.errors import UserError
from r1rl.judge import Answer, Part, bind, prepare, score
from r1rl.slate import Slate

PR_SET_PDEATHSIG = 1


def main(fd: int, memory_fd: int, parent: int) -> None:
    _die_with(parent)
    wire, slate = Connection(fd), Slate(memory_fd)
    specs, memory = wire.recv()
    try:
        lines = [line for line in map(prepare, specs) if line]
        parts = [bind(spec) for spec in specs]
    except UserError as error:
        wire.send(error)
        return
    _limit(memory)
    wire.send(lines)
    _serve(wire, slate, parts)


def _serve(wire: Connection, slate: Slate, parts: Sequence[Part]) -> None:
    while True:
        try:
            answers: list[Answer] = wire.recv()
        except EOFError:
            return
        for answer in answers:
            slate.add(score(parts, answer))
        wire.send(_memory())


def _memory() -> int:
    """Bytes held now. Not the peak of getrusage: a new process inherits that from the one that started it."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def _die_with(parent: int) -> None:
    """A judge in an endless loop does not notice that its socket is closed; the kernel does."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        sys.exit()


def _limit(memory: int) -> None:
    """An answer that needs more gets a MemoryError, or ends this process and no other."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, hard))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
