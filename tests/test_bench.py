"""What the benches conclude from what a GPU was seen to do."""

from __future__ import annotations

import tarfile
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import speeds, tables, trace
from bench.gpu.machine import Watch


def looks(*percents):
    return [[round(0.1 * i, 1), percent] for i, percent in enumerate(percents)]


def test_a_gap_counts_what_is_missing_in_the_looks_around_it():
    assert trace.idle({"ends": [0.0, 0.5], "busy": looks(100, 60, 0, 90, 100, 100)}) == pytest.approx(0.15 / 0.5)


def test_a_gap_may_lie_across_the_border_of_two_looks_that_are_partly_used():
    assert trace.idle({"ends": [0.0, 0.5], "busy": looks(100, 100, 40, 70, 90, 100)}) == pytest.approx(0.09 / 0.5)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=40), st.data())
def test_no_gap_is_longer_than_what_is_told(percents, data):
    """Each look of 100 ms has its idle milliseconds at its end or its beginning, as they make the longest gap."""
    told = trace.idle({"ends": [0.0, 0.1 * len(percents)], "busy": looks(100, *percents)[1:]})
    seconds = [ms for p in percents[1:] for ms in arranged(p, data.draw(st.booleans()))]
    longest = max((len(list(run)) for idle, run in groupby(seconds) if idle), default=0)
    assert longest / 1000 / (0.1 * len(percents)) <= told + 1e-9


def arranged(percent, first):
    """Whether the GPU is idle in each of a look's milliseconds."""
    idle, busy = [True] * (100 - percent), [False] * percent
    return idle + busy if first else busy + idle


def test_a_gap_from_one_step_into_the_next_is_whole():
    ends = [0.0, 0.3, 0.6]
    assert trace.idle({"ends": ends, "busy": looks(100, 100, 100, 0, 0, 100, 100)}) == pytest.approx(0.2 / 0.3 / 2)


def test_a_gap_at_the_end_of_a_step_is_one():
    assert trace.idle({"ends": [0.0, 0.4], "busy": looks(100, 100, 100, 0, 0)}) == pytest.approx(0.5)


@pytest.mark.parametrize(("counted", "kind"), [(40, "hardware counter"), (-1, "driver's average")])
def test_a_gauge_that_was_killed_within_a_line_is_read(counted, kind):
    watch = Watch()
    watch.read(f"1.0,0,{counted},70,1024,200,512\n1.1,0,{counted},70,2048,200,1024\n1.2,0,")
    found = watch.between(1.0, 2.0)
    assert (found["gpu/looked_at"], found["gpu/looks"]) == (kind, 2)
    assert found["gpu/utilisation/mean"] == pytest.approx(max(counted, 0) / 100 or 0.7)
    assert (found["gpu/memory/max_gib"], found["gpu/memory/own_max_gib"]) == (2.0, 1.0)


def test_the_page_holds_the_tables_that_the_raw_results_make():
    page = (tables.HERE / "README.md").read_text()
    for name, make in tables.TABLES.items():
        assert tables.between_marks(page, name, make()) == page, f"`python -m bench.tables` was not run: {name}"


def test_what_the_scripts_archive_becomes_raw_results(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "HERE", tmp_path / "bench")
    for name, (part, _) in tables.ARCHIVES.items():
        (tmp_path / name / part).mkdir(parents=True)
        (tmp_path / name / part / "found.json").write_text("{}")
        with tarfile.open(tmp_path / f"{name}.tgz", "w:gz") as archive:
            archive.add(tmp_path / name / part, arcname=part)
    tables.unpack(tmp_path)
    places = {file.parent for file in (tmp_path / "bench").rglob("found.json")}
    assert places == {tmp_path / "bench" / "results" / to for _, to in tables.ARCHIVES.values()}


def test_where_nothing_was_archived_the_tables_are_not_made_again(tmp_path):
    with pytest.raises(SystemExit, match="holds none of speed"):
        tables.unpack(tmp_path)


def test_a_step_that_compiled_something_does_not_count_in_the_typical_rate():
    rows = [{"time/learner": seconds} for seconds in (9.0, 9.0, 4.0, 0.5, 0.5)]  # two warm up
    assert speeds._typical({"rows": rows, "steps": 3, "tokens_per_step": 100.0}) == pytest.approx(200.0)
