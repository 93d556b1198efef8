"""Rejection sampling: traces in, those worth learning from out, with a count for every reason.

One pass, streamed. Memory holds a digest of 16 bytes for each kept trace, to find duplicates, and the benchmarks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from r1rl import provenance
from r1rl.catalogue import benchmark
from r1rl.corpus.normalise import key
from r1rl.corpus.overlap import Index
from r1rl.errors import UserError
from r1rl.judge import Answer
from r1rl.provenance import Lineage, Parent
from r1rl.reward import JudgePool
from r1rl.run import write_atomically
from r1rl.traces import store
from r1rl.traces.report import Report
from r1rl.traces.rules import Rules
from r1rl.traces.trace import Trace
from r1rl.types import Problem

BATCH = 512  # traces judged at once


def reject(source: Path, rules: Rules, out: Path, workers: int, deadline_s: float) -> Report:
    """Writes the traces worth keeping to `out`, and report.json beside them; what stands there goes.

    Raises UserError where there are no traces, or the rules leave none.
    """
    report = Report()
    readers = rules.readers()
    pool = JudgePool(readers, workers, deadline_s) if readers else None
    try:
        kept = keep(store.read(source), rules, pool, report)
        store.write_all(out, kept)
    finally:
        if pool is not None:
            pool.close()
    report.require_some(source)
    write_atomically(out / "report.json", report.as_json())
    return report


def require_free(source: Path, out: Path) -> None:
    """Raises UserError where finished traces would be overwritten."""
    if (out / provenance.FILE).exists() or out.resolve() == source.resolve():
        raise UserError(f"{out} holds traces already", "nothing is overwritten", "give another --out")


def lineage(source: Path, rules: Rules, out: Path, report: Report) -> Lineage:
    """Where the kept traces come from."""
    return Lineage(
        kind="reject",
        digest=provenance.digest(out),
        parents={"traces": Parent(path=str(source), digest=provenance.digest(source))},
        recipe=rules.model_dump(),
        numbers={"traces": float(report.traces), "kept": float(report.kept)},
    )


def keep(traces: Iterable[Trace], rules: Rules, pool: JudgePool | None, report: Report) -> Iterator[Trace]:
    """The traces worth keeping, in their order; `report` hears of each what became of it."""
    seen = _Seen(rules)
    for trace, parts in _read(traces, pool):
        why = rules.broken_by(trace, parts) or seen.broken_by(trace)
        report.add(trace, why)
        if why is None:
            seen.add(trace)
            yield trace


def _read(traces: Iterable[Trace], pool: JudgePool | None) -> Iterator[tuple[Trace, dict[str, float] | None]]:
    """Each trace with what its readers say; None when they cannot."""
    waiting = iter(traces)
    while batch := list(islice(waiting, BATCH)):
        if pool is None:
            yield from ((trace, {}) for trace in batch)
            continue
        scores = pool.judge([_answer(trace) for trace in batch])
        yield from ((t, dict(s.parts) or None) for t, s in zip(batch, scores, strict=True))


def _answer(trace: Trace) -> Answer:
    problem = Problem(id=trace.id, question=trace.question, gold=trace.answer)
    return Answer(problem=problem, text=trace.response, tokens=trace.tokens)


@dataclass
class _Seen:
    """What depends on the other traces and on the benchmarks."""

    rules: Rules
    digests: set[bytes] = field(default_factory=set)
    problem: str = ""  # the last one that a trace was kept of, and of how many: a problem's traces stand together
    count: int = 0

    def __post_init__(self) -> None:
        self._index = Index(benchmark(self.rules.against)) if self.rules.against else None
        self._asked: tuple[str, bool] = ("", False)  # the last question, and whether benchmarks share text with it

    def broken_by(self, trace: Trace) -> str | None:
        if self._is_contaminated(trace):
            return "shares text with a benchmark"
        if _digest(trace) in self.digests:
            return "a duplicate"
        if trace.id == self.problem and self.count == self.rules.per_problem:
            return "more than its problem may have"
        return None

    def add(self, trace: Trace) -> None:
        self.digests.add(_digest(trace))
        self.count = self.count + 1 if trace.id == self.problem else 1
        self.problem = trace.id

    def _is_contaminated(self, trace: Trace) -> bool:
        if self._index is None:
            return False
        if self._asked[0] != trace.question:  # the traces of a problem stand together
            problem = Problem(id=trace.id, question=trace.question, gold=trace.answer)
            self._asked = trace.question, bool(self._index.hits(problem))
        return self._asked[1]


def _digest(trace: Trace) -> bytes:
    """Of question and response, white space and case apart."""
    text = "\x00".join((key(trace.question), " ".join(trace.response.split()).lower()))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
