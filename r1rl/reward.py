"""The judge pool: rewards run in processes of their own, because nobody can promise that a reward ever returns.

A judge meets text that a policy wrote under pressure to break it. What cannot be caught in a process (an endless loop,
one that holds the interpreter lock, a crash) ends with the process: it is killed at its deadline and replaced, and the
answer is UNGRADABLE. Alarm signals would be simpler and do not do: compiled code does not notice them.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from queue import SimpleQueue
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError

from r1rl.errors import RunError
from r1rl.judge import resolve, score, ungradable
from r1rl.types import Group, Problem, Score, ScoredGroup

__all__ = ["JudgePool", "resolve", "score"]

Answer = tuple[Problem, str]
CHUNK = 32  # answers sent to a judge at once: a message costs 1 or 2 ms, as much as judging a hundred short answers
START_S = 120.0  # a judge that has not started by then never will
MEMORY = 4 << 30  # bytes that a judge may hold


class JudgePool:
    """Judges in `workers` processes, for rewards given as (name as in `resolve`, weight).

    An answer that takes a judge longer than `deadline_s` seconds, or kills it, is UNGRADABLE and costs no other answer
    its verdict. Raises UserError for a reward that cannot be resolved and RunError for a judge that does not start.
    """

    def __init__(self, specs: Sequence[tuple[str, float]], workers: int, deadline_s: float) -> None:
        for fn, _ in specs:
            resolve(fn)  # here too, so that a typo is reported before any process is started
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="judge")
        self._seats = list(self._threads.map(lambda _: _Seat(specs, deadline_s), range(workers)))
        self._idle: SimpleQueue[_Seat] = SimpleQueue()
        for seat in self._seats:
            self._idle.put(seat)

    def score_groups(self, groups: Sequence[Group], texts: Sequence[Sequence[str]]) -> list[ScoredGroup]:
        """Each group with the scores of its texts, which are the decoded completions in the same order."""
        pairs = list(zip(groups, texts, strict=True))
        answers = [(group.problem, text) for group, texts_G in pairs for text in texts_G]
        chunks = [answers[start : start + CHUNK] for start in range(0, len(answers), CHUNK)]
        scores = chain.from_iterable(self._threads.map(self._score, chunks))
        return [
            ScoredGroup(group=group, texts_G=tuple(texts_G), scores_G=tuple(islice(scores, len(texts_G))))
            for group, texts_G in pairs
        ]

    def close(self) -> None:
        for seat in self._seats:
            seat.close()
        self._threads.shutdown(cancel_futures=True)

    def _score(self, answers: list[Answer]) -> list[Score]:
        seat = self._idle.get()
        try:
            return seat.score(answers)
        finally:
            self._idle.put(seat)


class _Seat:
    """A place for one judge process, which is replaced when it overruns or dies. Used by one thread at a time."""

    def __init__(self, specs: Sequence[tuple[str, float]], deadline_s: float) -> None:
        # A judge may have another working directory.
        self._rewards = [(fn, os.path.abspath(fn) if ".py:" in fn else fn, weight) for fn, weight in specs]
        self._deadline_s = deadline_s
        self._closed = False
        self._judge = self._start()

    def score(self, answers: list[Answer]) -> list[Score]:
        """The scores of a chunk. If it fails, its answers are judged one by one, so that only the guilty one is lost.

        The judge is idle, so the deadline runs from the moment the chunk starts. It is the same for a chunk and for one
        answer: a chunk that is slow but honest costs time and no verdict.
        """
        try:
            return ray.get(self._judge.score.remote(answers), timeout=self._deadline_s)
        except RayError as error:
            if self._closed:
                raise
            ray.kill(self._judge, no_restart=True)
            self._judge = self._start()
            if len(answers) == 1:
                return [ungradable(self._what_happened(error))]
        return [alone for answer in answers for alone in self.score([answer])]

    def close(self) -> None:
        self._closed = True
        ray.kill(self._judge, no_restart=True)

    def _what_happened(self, error: RayError) -> str:
        if isinstance(error, GetTimeoutError):
            return f"timeout after {self._deadline_s:g} s"
        return f"the judge process died: {type(error).__name__}"

    def _start(self) -> Any:
        judge: Any = ray.remote(_Judge).options(num_cpus=0, max_restarts=0).remote(self._rewards)
        try:
            ray.get(judge.ready.remote(), timeout=START_S)
        except RayError as error:
            raise RunError(
                f"a judge process did not start within {START_S:g} s: {error}",
                "without judges no answer has a reward",
                "read Ray's logs; the files of rewards must be readable on every node",
            ) from error
        return judge


class _Judge:
    """One process that judges one chunk at a time."""

    def __init__(self, rewards: list[tuple[str, str, float]]) -> None:
        # A limit on data, not on address space: every Ray process maps the shared object store, gigabytes of addresses
        # that cost nothing. An answer that runs into it gets a MemoryError, or ends this process and no other.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, hard))
        self._rewards = [(name, resolve(fn), weight) for name, fn, weight in rewards]

    def ready(self) -> None:
        """Returns once the process is up and its rewards are loaded."""

    def score(self, answers: list[Answer]) -> list[Score]:
        return [score(self._rewards, problem, text) for problem, text in answers]
