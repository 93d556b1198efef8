"""Which walls this machine can put up, found out by putting them up and running against them.

Kernel versions and feature flags do not say what a container forbids or a filter rewrites. So a zygote of each tier is
started and a child tries to get out in a dozen ways; a tier counts if a program runs in it and none of them works.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from r1rl.errors import UserError
from r1rl.sandbox import run
from r1rl.sandbox.child import Limits
from r1rl.sandbox.client import SandboxError, Zygote
from r1rl.sandbox.system import ARCHITECTURES, MACHINE
from r1rl.sandbox.zygote import CONFINED, NAMESPACES, UNSAFE

SAYS = {
    NAMESPACES: "tier 1, namespaces + seccomp + Landlock + rlimits",
    CONFINED: "tier 2, seccomp + Landlock + rlimits",
    UNSAFE: "none (allow_unsafe), rlimits only: candidates can read and write your files and use the network",
}
PROBE = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
def no(result):
    if result < 0: raise OSError
ways = {
    "read a file": lambda: open("/etc/passwd"),
    "read itself": lambda: open("/proc/self/environ"),
    "write a file": lambda: os.open("/tmp", os.O_TMPFILE | os.O_RDWR),
    "list the root": lambda: os.listdir("/"),
    "open a socket": lambda: socket.socket(),
    "make a process": lambda: os.fork() or os._exit(0),
    "signal its parent": lambda: os.kill(os.getppid() or 1, 0),
    "signal everybody": lambda: os.kill(-1, 0),
    "make a namespace": lambda: no(libc.unshare(0x10000000)),
    "make a file in memory": lambda: os.memfd_create("x"),
    "see the environment": lambda: os.environ or no(-1),
    "run a program": lambda: os.posix_spawn("/bin/sh", ["sh", "-c", "exit"], {}),
}
for name, way in ways.items():
    try: way()
    except (OSError, AttributeError): continue
    print(name, flush=True)
print("end")
"""
LIMITS = Limits(seconds=5, memory=512 << 20)

_lock = threading.Lock()
_best: tuple[int, list[str]] | None = None  # the tier and why the better ones do not work
_idle: list[Zygote] = []


def best(allow_unsafe: bool) -> int:
    """The best tier that works here. Raises UserError if none is safe and unsafe ones are not allowed."""
    global _best
    with _lock:
        _best = _best or _detect()
    tier, reasons = _best
    if tier == UNSAFE and not allow_unsafe:
        raise UserError(
            "no sandbox works on this machine: " + "; ".join(reasons),
            "programs written by a policy would run with your rights, and a policy that is rewarded tries everything",
            "run on Linux 5.13 or newer with Landlock enabled, outside containers that forbid seccomp filters; "
            "or accept the risk with allow_unsafe: true",
        )
    return tier


@contextmanager
def zygote(tier: int) -> Iterator[Zygote]:
    """Lends a zygote to one thread; it is kept for the next unless anything went wrong."""
    with _lock:
        at = next((at for at, idle in enumerate(_idle) if idle.tier == tier), None)
        lent = None if at is None else _idle.pop(at)
    lent = lent or Zygote(tier)
    try:
        yield lent
        lent.end_all()
    except BaseException:
        lent.close()
        raise
    with _lock:
        _idle.append(lent)


def _detect() -> tuple[int, list[str]]:
    reasons = []
    for tier in (NAMESPACES, CONFINED):
        try:
            started = Zygote(tier)
        except (SandboxError, OSError) as error:
            reasons.append(f"tier {tier}: {error}")
            continue
        holes = probe(started)
        if not holes:
            _idle.append(started)
            return tier, reasons
        started.close()
        reasons.append(f"tier {tier} lets a program {', '.join(holes)}")
    if MACHINE not in ARCHITECTURES:
        reasons.append(f"the numbers of system calls on {MACHINE} are not known here")
    return UNSAFE, reasons


def probe(started: Zygote) -> list[str]:
    """What a program can do that it should not."""
    try:
        outcome = run.program(started, PROBE, b"", LIMITS, time.monotonic() + 10)
    except SandboxError as error:
        return [f"bring the sandbox down ({error})"]
    *holes, end = outcome.stdout.decode(errors="replace").split("\n")[:-1] or [""]
    return holes if end == "end" else [*holes, f"not run at all ({outcome.kind}: {outcome.detail})"]


def close() -> None:
    """Ends the idle zygotes of this process."""
    with _lock:
        while _idle:
            _idle.pop().close()


def _forget() -> None:
    """After a fork of the judge: its zygotes stay the original's."""
    global _lock
    _lock = threading.Lock()
    while _idle:
        _idle.pop().forget()


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
