"""The folder of traces: what was told of as done is there, once, whatever happened in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.traces import store as stores
from r1rl.traces.done import Done
from r1rl.traces.store import TraceStore, read, rows, shards
from tests.traces import folder, group, trace

NASTY = "line\u2028sep\u0085 \r\n nul\x00 half \ud800 } ] \" ' é 漢 \x1c"


@given(st.lists(st.integers(0, 30)), st.integers(0, 5))
def test_done_is_a_set_in_little_memory(ordinals, first):
    done = Done(ordinals, first)
    assert [n in done for n in range(40)] == [n < first or n in ordinals for n in range(40)]
    assert all(n > done.below for n in done.beyond)


def test_what_a_model_writes_comes_back(tmp_path):
    store = TraceStore(tmp_path)
    store.write([trace(response=NASTY)])
    store.close()
    assert list(read(tmp_path)) == [trace(response=NASTY.replace("\ud800", "?"))]


def test_datasets_reads_the_folder_as_it_is(tmp_path):
    from datasets import load_dataset

    store = TraceStore(tmp_path / "traces", shard_bytes=1000)
    for ordinal in range(4):
        store.write(group(ordinal))
    store.close()
    assert len(shards(tmp_path / "traces")) > 1
    loaded = load_dataset(str(tmp_path / "traces"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == rows(tmp_path / "traces") == 8
    assert loaded[7]["question"] == "13+7=?"


def test_a_store_goes_on_where_it_stopped(tmp_path):
    first = TraceStore(tmp_path)
    first.write(group(0))
    first.write(group(2))
    first._journal.write(b'[{"ordinal": 1, "cut')  # as a crash leaves it
    first._journal.close()
    first._lock_file.close()
    second = TraceStore(tmp_path)
    assert [n in second.done for n in range(4)] == [True, False, True, False]
    second.write(group(1))
    second.close()
    assert sorted(t.ordinal for t in read(tmp_path)) == [0, 0, 1, 1, 2, 2]


def test_two_writers_are_refused(tmp_path):
    store = TraceStore(tmp_path)
    with pytest.raises(UserError, match="another process is writing"):
        TraceStore(tmp_path)
    store.close()


def test_a_folder_without_traces_says_so(tmp_path):
    store = TraceStore(tmp_path)
    with pytest.raises(UserError, match="has not ended"):
        shards(tmp_path)
    store.close()
    with pytest.raises(UserError, match="has no traces\n"):
        shards(tmp_path)


def test_other_parquet_is_refused(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "data").mkdir()
    pq.write_table(pa.table({"question": ["1+1"]}), tmp_path / "data" / "train.parquet")
    with pytest.raises(UserError, match="does not hold traces"):
        list(read(tmp_path))


class Killed(BaseException):
    """Stands for SIGKILL: nothing may clean up after it."""


@contextmanager
def killed_at(monkeypatch, nth):
    """The nth call that changes the disk does not happen; nor does anything after it."""
    calls = 0

    def dying(original):
        def call(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls >= nth:
                raise Killed
            return original(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for place, name in ((os, "fsync"), (os, "replace"), (Path, "unlink"), (stores.pq, "ParquetWriter")):
            patch.setattr(place, name, dying(getattr(place, name)))
        with suppress(Killed):
            yield


@pytest.mark.parametrize("nth", range(1, 32))
def test_a_death_at_any_call_loses_nothing_that_was_told(tmp_path, monkeypatch, nth):
    told = []
    with killed_at(monkeypatch, nth):
        store = TraceStore(tmp_path, shard_bytes=1500)
        for ordinal in range(5):
            store.write(group(ordinal))
            told.append(ordinal)
        store.close()
    with suppress(UnboundLocalError):
        store._lock_file.close()
        store._journal.close()
    again = TraceStore(tmp_path, shard_bytes=1500)
    assert all(ordinal in again.done for ordinal in told)
    for ordinal in range(5):
        if ordinal not in again.done:
            again.write(group(ordinal))
    again.close()
    found = [(t.ordinal, t.sample) for t in read(tmp_path)]
    assert sorted(found) == [(ordinal, sample) for ordinal in range(5) for sample in range(2)]


WRITER = """
import sys
from pathlib import Path
from r1rl.traces.store import TraceStore
from tests.traces import group
store = TraceStore(Path(sys.argv[1]), shard_bytes=3000)
for ordinal in range(400):
    if ordinal not in store.done:
        store.write(group(ordinal))
        print(ordinal, flush=True)
store.close()
print("closed", flush=True)
"""


def test_kill_9_at_any_moment_loses_nothing(tmp_path):
    told: list[str] = []
    for attempt in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        told += [writer.stdout.readline().strip()]
        time.sleep(0.003 * (1 + 2 * attempt))
        if attempt < 3:
            writer.send_signal(signal.SIGKILL)
        told += writer.stdout.read().split()
        writer.wait()
        if "closed" in told:
            break
    assert writer.returncode == 0
    found = [(t.ordinal, t.sample) for t in read(tmp_path)]
    assert sorted(found) == [(ordinal, sample) for ordinal in range(400) for sample in range(2)]
    assert sorted(int(n) for n in told if n.isdigit()) == sorted({int(n) for n in told if n.isdigit()})


def test_shards_written_at_once_are_split(tmp_path, monkeypatch):
    monkeypatch.setattr(stores, "SHARD_BYTES", 100)
    written = [t for ordinal in range(5) for t in group(ordinal)]
    assert list(read(folder(tmp_path, written))) == written
    assert len(shards(tmp_path)) == 4
