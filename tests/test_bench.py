"""What the benches conclude from what a GPU was seen to do."""

from __future__ import annotations

import pytest

from bench import speeds, tables, trace
from bench.gpu.machine import Watch


def looks(*percents):
    return [[round(0.1 * i, 1), percent] for i, percent in enumerate(percents)]


def test_a_gap_counts_what_is_missing_in_the_looks_around_it():
    assert trace.idle({"ends": [0.0, 0.5], "busy": looks(100, 60, 0, 90, 100, 100)}) == pytest.approx(0.15 / 0.5)


def test_a_gpu_that_is_half_used_is_not_idle():
    assert trace.idle({"ends": [0.0, 0.5], "busy": looks(50, 50, 5, 50, 50, 50)}) == 0.0


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


def test_a_step_that_compiled_something_does_not_count_in_the_typical_rate():
    rows = [{"time/learner": seconds} for seconds in (9.0, 9.0, 4.0, 0.5, 0.5)]  # two warm up
    assert speeds._typical({"rows": rows, "steps": 3, "tokens_per_step": 100.0}) == pytest.approx(200.0)
