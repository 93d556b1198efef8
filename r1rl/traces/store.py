"""A folder of traces that no crash can hurt and that `datasets` reads as it is.

    data/train-00000.parquet    sealed shards: what is read
    journal-00001.jsonl         the shard being written, one problem per line

A problem's traces are one line: appended, flushed to the disk, and only then told of as done. A line that a crash cut
off was never told of, and goes when the folder is opened again. A full journal becomes a shard: written beside,
flushed, renamed, and then the journal is removed. Between the last two steps both exist; the shard counts.
Memory holds one line and one batch of rows, whatever the folder holds.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from r1rl.errors import UserError
from r1rl.traces.done import Done
from r1rl.traces.trace import SCHEMA, Trace, as_row, from_row
from r1rl.types import Verdict

SHARD_BYTES = 64 << 20  # of a journal: then it is sealed
BATCH = 1024  # rows in memory


class TraceStore:
    """The one writer of a folder; it goes on where another one stopped. `done` says which problems have their traces.

    Raises UserError where another process is writing.
    """

    def __init__(self, folder: Path, first: int = 0, shard_bytes: int = SHARD_BYTES) -> None:
        """Opens the folder. Ordinals below `first` are not asked for, and count as done."""
        self.folder, self._limit = folder, shard_bytes
        (folder / "data").mkdir(parents=True, exist_ok=True)
        self._lock()
        number = _next_number(folder)
        for left in sorted(folder.glob("journal-*.jsonl")):
            number = max(number, _number(left) + 1)
            _finish(left)
        self.done = Done(_ordinals(folder), first)
        self._open(number)

    def write(self, traces: Sequence[Trace]) -> None:
        """All traces of one problem; they are on the disk when this returns."""
        line = json.dumps([as_row(trace) for trace in traces])
        self._journal.write(line.encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self.done.add(traces[0].ordinal)
        if self._journal.tell() >= self._limit:
            self._seal()

    def close(self) -> None:
        """Seals what is left, so that all rows can be read."""
        self._seal()
        self._journal.close()
        self._path.unlink()
        self._lock_file.close()

    def _seal(self) -> None:
        if self._journal.tell():
            self._journal.close()
            _finish(self._path)
            self._open(_number(self._path) + 1)

    def _open(self, number: int) -> None:
        self._path = self.folder / f"journal-{number:05d}.jsonl"
        self._journal = open(self._path, "ab")  # noqa: SIM115  # closed by close() or when it is sealed
        _flush_folder(self.folder)

    def _lock(self) -> None:
        self._lock_file = open(self.folder / ".lock", "w")  # noqa: SIM115  # held as long as the store is open
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(
                f"another process is writing to {self.folder}", "two writers would mix their shards", "wait for it"
            ) from error


def write_all(folder: Path, traces: Iterable[Trace]) -> None:
    """Writes a folder anew, in shards."""
    shutil.rmtree(folder / "data", ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    waiting = iter(traces)
    for number in count():
        if not _write_shard(_shard(folder, number), _up_to(SHARD_BYTES, waiting)):
            return


def _up_to(limit: int, traces: Iterator[Trace]) -> Iterator[dict[str, Any]]:
    """Rows of the next traces, until their responses have `limit` characters."""
    size = 0
    while size < limit:
        trace = next(traces, None)
        if trace is None:
            return
        size += len(trace.response)
        yield as_row(trace)


def read(folder: Path) -> Iterator[Trace]:
    """The traces of a folder, streamed; those of a problem stand together. Raises UserError for what is no trace."""
    for shard in shards(folder):
        try:
            for batch in pq.ParquetFile(shard).iter_batches(BATCH):
                yield from map(from_row, batch.to_pylist())
        except (pa.ArrowInvalid, KeyError, ValueError) as error:
            raise UserError(
                f"{shard} does not hold traces: {error!r}",
                "each row needs its question, gold answer, response, verdict and provenance",
                "give a folder that `r1rl sample` or `r1rl reject` wrote",
            ) from error


def shards(folder: Path) -> list[Path]:
    """The sealed shards, in order. Raises UserError where there are none."""
    found = sorted((folder / "data").glob("*.parquet"))
    if not found:
        more = "; its sampling has not ended" if any(folder.glob("journal-*.jsonl")) else ""
        raise UserError(
            f"{folder} has no traces{more}",
            "a folder of traces has Parquet files in data/",
            "run `r1rl sample … --out` with that folder: it goes on where it stopped",
        )
    return found


def rows(folder: Path) -> int:
    """How many traces a folder has."""
    return sum(pq.read_metadata(shard).num_rows for shard in shards(folder))


def numbers(folder: Path) -> dict[str, float]:
    """How many traces a folder has, the share that is right, and their mean length in tokens."""
    total = right = tokens = 0
    for shard in shards(folder):
        for batch in pq.ParquetFile(shard).iter_batches(BATCH * 64, columns=["verdict", "tokens"]):
            total += batch.num_rows
            right += batch.column(0).to_pylist().count(Verdict.CORRECT)
            tokens += sum(batch.column(1).to_pylist())
    return {"traces": float(total), "correct": right / total, "tokens": tokens / total}


def _finish(journal: Path) -> None:
    """Seals a journal, or clears away what a stopped sealing has left of it."""
    shard = _shard(journal.parent, _number(journal))
    if not shard.exists():
        _write_shard(shard, _journal_rows(journal))
    journal.unlink()


def _write_shard(shard: Path, found: Iterable[dict[str, Any]]) -> int:
    """Writes a shard, complete or absent; how many rows it has. One without rows is not written."""
    partial = shard.with_suffix(".partial")
    written = 0
    with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
        waiting = iter(found)
        while batch := list(islice(waiting, BATCH)):
            writer.write_table(pa.Table.from_pylist(batch, SCHEMA))
            written += len(batch)
    if not written:
        partial.unlink()
        return 0
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, shard)
    _flush_folder(shard.parent)
    return written


def _journal_rows(journal: Path) -> Iterator[dict[str, Any]]:
    """The rows of a journal's whole lines. Only the last line can be cut off: each was flushed before the next."""
    with open(journal, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield from json.loads(line)


def _ordinals(folder: Path) -> Iterator[int]:
    for shard in sorted((folder / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(shard).iter_batches(BATCH * 64, columns=["ordinal"]):
            yield from batch.column(0).to_pylist()


def _shard(folder: Path, number: int) -> Path:
    return folder / "data" / f"train-{number:05d}.parquet"


def _next_number(folder: Path) -> int:
    return max((_number(shard) + 1 for shard in (folder / "data").glob("train-*.parquet")), default=0)


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
