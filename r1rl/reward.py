"""The judge pool: rewards run in processes of their own, because nobody can promise that a reward ever returns.

A judge meets text that a policy wrote under pressure to break it. What cannot be caught in a process (an endless loop,
one that holds the interpreter lock, a crash) ends with the process: it is killed at its deadline and replaced, and the
answer is UNGRADABLE. Alarm signals would be simpler and do not do: compiled code does not notice them, and outside the
main thread they do not exist. The processes are plain ones, so a pool works in a script, a thread, an event loop and a
Ray actor alike.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, islice
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from r1rl.errors import RunError, UserError
from r1rl.judge import Answer, RewardSpec, bind, ungradable
from r1rl.recipe import Recipe
from r1rl.slate import Slate, blank
from r1rl.types import Group, Score, ScoredGroup

CHUNK = 32  # answers sent to a judge at once
START_S = 120.0  # a judge that has not started by then never will
MEMORY = 4 << 30  # bytes that a judge may hold
RECYCLE = (
    1 << 30
)  # bytes held between chunks from which on a judge is replaced: caches of symbolic algebra only ever grow


@contextmanager
def judges(recipe: Recipe, log: Path | None) -> Iterator[JudgePool]:
    """The recipe's judges, on the driver's machine; ended on leaving."""
    specs = [RewardSpec(fn=r.fn, weight=r.weight, options=r.options) for r in recipe.reward]
    pool = JudgePool(specs, recipe.judge.workers, recipe.judge.deadline_s, log)
    try:
        yield pool
    finally:
        pool.close()


class Judges(Protocol):
    """Who says what answers are worth: a JudgePool, or one with a reward model beside it."""

    def score_groups(self, groups: Sequence[Group], texts: Sequence[Sequence[str]]) -> list[ScoredGroup]: ...

    def close(self) -> None: ...


class JudgePool:
    """Judges in `workers` processes. Whoever starts a pool closes it.

    An answer that takes a judge longer than `deadline_s` seconds, or kills it, is UNGRADABLE and costs no other answer
    its verdict. The deadline runs from the moment the judge turns to that answer. What judges print goes to `log`.
    Raises UserError for a reward that cannot be resolved or refuses to start, RunError for a judge that does not start.
    """

    def __init__(self, specs: Sequence[RewardSpec], workers: int, deadline_s: float, log: Path | None = None) -> None:
        self.workers = workers
        for spec in specs:
            bind(spec)  # here too, so that a typo is reported before any process is started
        # The kernel kills a judge when the thread that started it ends, so these threads live as long as the pool.
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="judge")
        self._seats = [_Seat(specs, deadline_s, log) for _ in range(workers)]
        self._idle: SimpleQueue[_Seat] = SimpleQueue()
        try:
            self.says, *_ = self._threads.map(_Seat.start, self._seats)
        except BaseException:
            self.close()
            raise
        for seat in self._seats:
            self._idle.put(seat)

    def judge(self, answers: Sequence[Answer]) -> list[Score]:
        """A score for each answer, in order. Any number of threads may call it at once."""
        chunks = [list(answers[start : start + CHUNK]) for start in range(0, len(answers), CHUNK)]
        return list(chain.from_iterable(self._threads.map(self._judge, chunks)))

    async def judge_async(self, answers: Sequence[Answer]) -> list[Score]:
        """The same for an event loop, which goes on meanwhile."""
        return await asyncio.to_thread(self.judge, answers)

    def score_groups(self, groups: Sequence[Group], texts: Sequence[Sequence[str]]) -> list[ScoredGroup]:
        """Each group with the scores of its texts, which are the decoded completions in the same order."""
        pairs = list(zip(groups, texts, strict=True))
        scores = iter(self.judge([answer for group, texts_G in pairs for answer in _answers(group, texts_G)]))
        return [
            ScoredGroup(group=group, texts_G=tuple(texts_G), scores_G=tuple(islice(scores, len(texts_G))))
            for group, texts_G in pairs
        ]

    def close(self) -> None:
        for seat in self._seats:
            seat.close()
        self._threads.shutdown(cancel_futures=True)

    def _judge(self, answers: list[Answer]) -> list[Score]:
        seat = self._idle.get()
        try:
            return seat.judge(answers)
        finally:
            self._idle.put(seat)


def _answers(group: Group, texts_G: Sequence[str]) -> list[Answer]:
    return [
        Answer(problem=group.problem, text=text, tokens=len(completion.token_ids_T))
        for completion, text in zip(group.completions_G, texts_G, strict=True)
    ]


class _Overdue(TimeoutError):
    """An answer that its judge was still at when its time was over, after `done` others."""

    def __init__(self, seconds: float, done: int) -> None:
        super().__init__(f"timeout after {seconds:g} s")
        self.done = done


class _Seat:
    """A place for one judge process, which is replaced when it overruns or dies. Used by one thread at a time."""

    def __init__(self, specs: Sequence[RewardSpec], deadline_s: float, log: Path | None) -> None:
        self._specs, self._deadline_s, self._log = list(specs), deadline_s, log
        self._folder = os.getcwd()  # rewards may be named by relative paths, and a caller may go elsewhere
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def start(self) -> list[str]:
        """Starts the judge; what its rewards have to say to the user."""
        ours, theirs = socket.socketpair()
        slate = blank()
        with theirs, open(self._log or os.devnull, "ab") as log:
            command = [sys.executable, "-m", "r1rl.judge_process", str(theirs.fileno()), str(slate), str(os.getpid())]
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno(), slate],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is the driver's business
            )
        self._slate = Slate(slate)
        self._wire: Any = Connection(ours.detach())
        self._ready = select.poll()  # Connection.poll builds a selector at every call, ten times as slow
        self._ready.register(self._wire.fileno(), select.POLLIN)
        return self._greet()

    def judge(self, answers: list[Answer]) -> list[Score]:
        scores: list[Score] = []
        while len(scores) < len(answers):
            scores += self._judge_until_trouble(answers[len(scores) :])
        return scores

    def close(self) -> None:
        self._closed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _judge_until_trouble(self, answers: list[Answer]) -> list[Score]:
        """Scores of the first answers: all of them, or up to the one that the judge did not survive."""
        try:
            self._slate.wipe()
            self._wire.send(answers)
            self._wait_for_all()
            held: int = self._wire.recv()
        except (TimeoutError, EOFError, OSError) as error:
            if self._closed:
                raise
            scores = self._slate.scores(error.done if isinstance(error, _Overdue) else len(answers))
            self._replace()
            return [*scores, ungradable(self._what_happened(error))][: len(answers)]
        scores = self._slate.scores(len(answers))
        if held > RECYCLE:
            self._replace()
        return scores

    def _wait_for_all(self) -> None:
        """Until the judge has something to say. Raises _Overdue when one answer takes longer than the deadline."""
        seen = self._slate.progress()
        while not self._ready.poll(max(0.0, seen.turned + self._deadline_s - time.monotonic()) * 1000):
            now = self._slate.progress()
            if now == seen:
                raise _Overdue(self._deadline_s, seen.done)
            seen = now

    def _greet(self) -> list[str]:
        try:
            self._wire.send((self._specs, MEMORY))
            reply = self._receive(START_S)
        except (TimeoutError, EOFError, OSError) as error:
            self.close()
            raise RunError(
                f"a judge process did not start: {self._what_happened(error)}",
                "without judges no answer has a reward",
                f"read {self._log}" if self._log else "try the same with `r1rl grade`, which shows what judges print",
            ) from error
        if isinstance(reply, UserError):
            raise reply
        return reply

    def _receive(self, seconds: float) -> Any:
        if not self._ready.poll(seconds * 1000):
            raise TimeoutError(f"timeout after {seconds:g} s")
        return self._wire.recv()

    def _replace(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._wire.close()
        self.start()

    def _what_happened(self, error: Exception) -> str:
        return str(error) if isinstance(error, TimeoutError) else "the judge process died"
