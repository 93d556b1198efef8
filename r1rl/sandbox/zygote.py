"""The process that forks: a clean interpreter that locks itself away and makes one locked-down child per run.

It is told descriptors and numbers only. Programs, inputs and checkers go past it, from the judge's pipes into the
child, so that there is nothing in its memory for the next child to find. It ends when the judge does: it waits on a
socket to the judge and on the judge itself, and its children end with it.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import struct
from dataclasses import dataclass
from typing import NoReturn

from r1rl.sandbox import checker, driver, landlock, namespaces, seccomp, system

NAMESPACES, CONFINED, UNSAFE = 1, 2, 3  # tiers
FORK, KILL = 1, 2
REQUEST = struct.Struct("<BIQI")  # what, run, bytes of memory, CPU seconds; with it come the descriptors
REPORT = struct.Struct("<IiQ")  # run (0: the zygote itself is ready), wait status, CPU microseconds
DESCRIPTORS = 4  # at most: job, result, stdin, stdout
STACK = 120 << 20  # bytes, for honest deep recursion in C, such as a cached function; Linux leaves room for 128 MiB
INTERPRETER = 64 << 20  # bytes of addresses that are taken before the candidate is loaded
THREADS = 128
FILES = 64
# What solutions usually import, imported here once. `random` draws a new seed in each child.
PRELOADED = """array bisect cmath collections copy dataclasses datetime decimal enum fractions functools heapq io
itertools json math numbers operator queue random re statistics string textwrap threading time types typing"""
OUT_OF_THE_WAY = 16  # the zygote keeps its own descriptors above those that a child's are moved to


@dataclass(frozen=True, kw_only=True)
class Request:
    what: int
    run: int
    memory: int
    seconds: int
    descriptors: list[int]


def main(tier: int, control_fd: int, judge_pid: int) -> None:
    """Runs until the judge is gone."""
    judge = _move(os.pidfd_open(judge_pid))
    if os.getppid() != judge_pid:  # gone already, and the number may be somebody else's
        os._exit(1)
    if tier == NAMESPACES:
        namespaces.enter()
    elif tier == CONFINED and os.getuid() == 0:
        system.drop_capabilities()
    rules = None if tier == UNSAFE else _move(landlock.ruleset())
    _warm_up(rules is not None)
    system.one_arena()
    _limit_all()
    os.environ.clear()  # Python itself puts a locale there
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=_move(control_fd))
    control.send(REPORT.pack(0, 0, 0))  # up and locked away
    Zygote(tier, rules, control, judge).serve()


class Zygote:
    def __init__(self, tier: int, rules: int | None, control: socket.socket, judge: int) -> None:
        self._tier, self._rules, self._control, self._judge = tier, rules, control, judge
        self._null = os.open("/dev/null", os.O_RDWR)
        self._pids: dict[int, int] = {}  # run -> process
        self._runs: dict[int, int] = {}  # descriptor of a process -> run
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(judge, select.POLLIN)

    def serve(self) -> NoReturn:
        while True:
            for file, _ in self._poll.poll():
                if file in self._runs:
                    self._report(file)
                elif file == self._judge or not self._obey():
                    self._end()

    def _obey(self) -> bool:
        data, files, _, _ = socket.recv_fds(self._control, REQUEST.size, DESCRIPTORS)
        if not data:
            return False
        what, run, memory, seconds = REQUEST.unpack(data)
        request = Request(what=what, run=run, memory=memory, seconds=seconds, descriptors=files)
        if what == FORK:
            self._fork(request)
        elif run in self._pids:
            self._kill(self._pids[run])
        return True

    def _fork(self, request: Request) -> None:
        pid = os.fork()
        if pid == 0:
            self._child(request)
        for file in request.descriptors:
            os.close(file)
        self._pids[request.run] = pid
        process = os.pidfd_open(pid)
        self._runs[process] = request.run
        self._poll.register(process, select.POLLIN)

    def _report(self, process: int) -> None:
        run = self._runs.pop(process)
        self._poll.unregister(process)
        os.close(process)
        _, status, usage = os.wait4(self._pids.pop(run), 0)
        cpu = round((usage.ru_utime + usage.ru_stime) * 1e6)
        self._control.send(REPORT.pack(run, status, cpu))

    def _kill(self, pid: int) -> None:
        try:
            os.killpg(pid, signal.SIGKILL)  # in tier 3 it may have children
        except ProcessLookupError:  # it is not a group yet
            os.kill(pid, signal.SIGKILL)

    def _end(self) -> NoReturn:
        for pid in self._pids.values():
            self._kill(pid)
        os._exit(0)

    def _child(self, request: Request) -> NoReturn:
        """Becomes the run. Whatever fails before `ready` is no fault of the candidate: it has not been read yet."""
        try:
            self._take_descriptors(request.descriptors)
            _limit(request, self._tier)
            os.setpgid(0, 0)  # to be killed as one in tier 3; a session of its own would cost milliseconds
            system.die_with_parent()
            system.prctl(system.PR_SET_DUMPABLE, 0)
            if self._rules is not None:
                landlock.restrict(self._rules)
            os.closerange(driver.RESULT + 1, 1024)
            if self._rules is not None:
                seccomp.restrict(os.getpid())
            driver.main()
        finally:
            os._exit(1)

    def _take_descriptors(self, given: list[int]) -> None:
        """0 stdin, 1 stdout, 2 nothing, 3 the job, 4 the result."""
        job, result, *standard = given
        stdin, stdout = standard or (self._null, self._null)
        moved = [fcntl.fcntl(file, fcntl.F_DUPFD, OUT_OF_THE_WAY) for file in (stdin, stdout, self._null, job, result)]
        for place, file in enumerate(moved):
            os.dup2(file, place)


def _warm_up(walls: bool) -> None:
    """Does here once what every child would otherwise do for the first time, at a millisecond or two each."""
    for module in PRELOADED.split():
        importlib.import_module(module)
    _open_streams()
    checker.compiled("def check(candidate):\n    assert candidate(1) == json")
    json.dumps(json.loads('{"a": [1]}'))
    system.prctl(system.PR_SET_DUMPABLE, 0)
    if walls:
        seccomp.prepare(0)


def _open_streams() -> None:
    """On pipes, since a stream remembers whether its file can seek; the children's are put in their place."""
    kept = [fcntl.fcntl(file, fcntl.F_DUPFD, OUT_OF_THE_WAY) for file in range(3)]
    pipe = os.pipe()
    for file, end in ((0, pipe[0]), (1, pipe[1])):
        os.dup2(end, file)
    driver.standard_streams()
    for file, old in enumerate(kept):
        os.dup2(old, file)
    for file in (*kept, *pipe):
        os.close(file)


def _limit_all() -> None:
    """What holds for the zygote too, and so for every child."""
    for what in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_MEMLOCK):
        resource.setrlimit(what, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (STACK if hard < 0 else min(STACK, hard), hard))


def _limit(request: Request, tier: int) -> None:
    limits = {
        resource.RLIMIT_AS: request.memory + INTERPRETER,
        resource.RLIMIT_CPU: request.seconds,
        resource.RLIMIT_NOFILE: FILES,
    }
    if tier == NAMESPACES:  # elsewhere the user's other processes count
        limits[resource.RLIMIT_NPROC] = THREADS
    for what, value in limits.items():
        _, hard = resource.getrlimit(what)
        value = value if hard < 0 else min(value, hard)
        # SIGXCPU first, which says why; SIGKILL a second later for those who do not listen
        spare = 1 if what == resource.RLIMIT_CPU and not 0 <= hard <= value else 0
        resource.setrlimit(what, (value, value + spare))


def _move(file: int) -> int:
    moved = fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
    os.close(file)
    return moved
