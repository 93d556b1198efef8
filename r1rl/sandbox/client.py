"""The judge's end: starts a zygote, has it fork children, and moves bytes between them and here until a deadline.

Nothing that a child sends is more than bytes here, and none of it can block: every pipe is polled and has a size at
which its child is killed. How a child ended is known from the zygote, which asks the kernel.
"""

from __future__ import annotations

import json
import math
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from r1rl.sandbox import wire
from r1rl.sandbox.child import Child, Ended, Limits
from r1rl.sandbox.zygote import FORK, KILL, REPORT, REQUEST

START_S = 20.0  # a zygote takes 0.1 s; the machine may be busy
KILL_S = 5.0
PACKAGES = str(Path(__file__).resolve().parents[2])
MAIN = (
    "import sys; sys.path.insert(0, sys.argv[1]); from r1rl.sandbox import zygote; del sys.path[0]; "
    "zygote.main(*map(int, sys.argv[2:]))"
)


class SandboxError(Exception):
    """The sandbox itself failed: no fault of a candidate."""


class Zygote:
    """A running zygote. Used by one thread at a time. Raises SandboxError if it does not start, or fails."""

    def __init__(self, tier: int) -> None:
        self.tier = tier
        self._runs = 0
        self._children: dict[int, Child] = {}
        self._poll = select.poll()
        self._ready: dict[int, Callable[[int], None]] = {}  # descriptor -> what to do when it is ready
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = _start(tier, theirs)
        theirs.close()
        self._watch(self._control.fileno(), select.POLLIN, self._hear)
        try:
            self._started = False
            if not self.pump(lambda: self._started, time.monotonic() + START_S):
                raise SandboxError(f"no start within {START_S:g} s")
        except SandboxError as error:
            self.close()
            raise SandboxError(f"{error}: {self._said() or 'it says nothing'}") from None
        self._process.stderr.close()  # type: ignore[union-attr]

    def spawn(
        self, limits: Limits, job: dict[str, Any], stdin: bytes | None = None, largest: int = wire.LARGEST
    ) -> Child:
        """A child that does a job, and may send `largest` bytes at once. With stdin, its stdout comes back too."""
        self._runs += 1
        child = self._children[self._runs] = Child(self._runs, limits, largest)
        theirs = [self._to(child, child.job), self._from(child, child.result)]
        if stdin is not None:
            child.stdin += stdin
            theirs += [self._to(child, child.stdin, last=True), self._from(child, child.stdout)]
        self.send(child, json.dumps(job).encode())
        whole = math.ceil(limits.seconds)  # what the kernel lets through for that is seen when the child has ended
        header = REQUEST.pack(FORK, child.run, limits.memory, whole)
        try:
            socket.send_fds(self._control, [header], theirs)
        except OSError as error:
            raise SandboxError(f"the zygote is gone: {error}") from None
        finally:
            for file in theirs:
                os.close(file)
        return child

    def send(self, child: Child, body: bytes) -> None:
        child.job += wire.frame(body)
        for file, buffer in child.files.items():
            if buffer is child.job:
                self._watch(file, select.POLLOUT, self._ready[file])

    def pump(self, done: Callable[[], bool], deadline: float) -> bool:
        """Moves bytes until `done` (True) or the deadline (False)."""
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for file, _ in self._poll.poll(min(left, 60) * 1000 + 1):
                if file in self._ready:
                    self._ready[file](file)
        return True

    def end(self, child: Child) -> Ended:
        """Kills a child if it has not ended and lets go of it."""
        if child.ended is None:
            self._tell(KILL, child)
            if not self.pump(lambda: child.ended is not None, time.monotonic() + KILL_S):
                raise SandboxError("a process could not be killed")
        for file in list(child.files):
            self._drop(child, file)
        self._children.pop(child.run, None)
        assert child.ended is not None
        return child.ended

    def end_all(self) -> None:
        for child in list(self._children.values()):
            self.end(child)

    def close(self) -> None:
        """Ends the zygote and everything in it."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        for child in self._children.values():
            for file in list(child.files):
                self._drop(child, file)

    def forget(self) -> None:
        """In a forked copy of the judge: lets go of what belongs to the original, which goes on using it."""
        self._control.close()
        for child in self._children.values():
            for file in child.files:
                os.close(file)

    def _hear(self, _: int) -> None:
        data = b""
        with suppress(OSError):
            data = self._control.recv(REPORT.size)
        if len(data) != REPORT.size:
            raise SandboxError("the zygote died")
        run, status, cpu_us = REPORT.unpack(data)
        self._started = True
        if run in self._children:
            self._children[run].ended = Ended(status=status, cpu_s=cpu_us / 1e6)

    def _tell(self, what: int, child: Child) -> None:
        try:
            self._control.send(REQUEST.pack(what, child.run, 0, 0))
        except OSError as error:
            raise SandboxError(f"the zygote is gone: {error}") from None

    def _to(self, child: Child, buffer: bytearray, last: bool = False) -> int:
        """A pipe into the child that empties a buffer; closed after that, if the buffer holds all there will be."""
        theirs, ours = os.pipe()

        def push(file: int) -> None:
            try:
                over = not buffer  # nothing to send and yet awake: the child has closed its end
                del buffer[: os.write(file, buffer[: 1 << 16])]
            except BlockingIOError:
                return
            except BrokenPipeError:
                over = True
            if over or (last and not buffer):
                self._drop(child, file)
            elif not buffer:
                self._watch(file, 0, push)

        self._open(child, ours, buffer, select.POLLOUT, push)
        return theirs

    def _from(self, child: Child, buffer: bytearray) -> int:
        """A pipe from the child that fills a buffer."""
        ours, theirs = os.pipe()

        def pull(file: int) -> None:
            data = os.read(file, 1 << 16)
            buffer.extend(data)
            if len(buffer) > child.largest + 4:
                child.flooded = True
            if not data or child.flooded:
                self._drop(child, file)

        self._open(child, ours, buffer, select.POLLIN, pull)
        return theirs

    def _open(self, child: Child, file: int, buffer: bytearray, events: int, ready: Callable[[int], None]) -> None:
        os.set_blocking(file, False)
        child.files[file] = buffer
        self._watch(file, events, ready)

    def _watch(self, file: int, events: int, ready: Callable[[int], None]) -> None:
        self._ready[file] = ready
        self._poll.register(file, events)

    def _drop(self, child: Child, file: int) -> None:
        del child.files[file], self._ready[file]
        self._poll.unregister(file)
        os.close(file)

    def _said(self) -> str:
        """The last line that a zygote wrote before it died."""
        assert self._process.stderr is not None
        with self._process.stderr as stderr:
            return stderr.read(1 << 16).decode(errors="replace").strip().rpartition("\n")[2]


def _start(tier: int, control: socket.socket) -> subprocess.Popen[bytes]:
    """A clean interpreter: no environment, no inherited descriptors, no site, its own session."""
    numbers = [str(number) for number in (tier, control.fileno(), os.getpid())]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", MAIN, PACKAGES, *numbers],
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=[control.fileno()],
        start_new_session=True,
    )
