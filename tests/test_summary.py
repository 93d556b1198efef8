"""A suite's numbers, counted by hand, and the file they are kept in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from r1rl.errors import RunError, UserError
from r1rl.evaluation.results import as_json, read_results, suites_in, write_results
from r1rl.evaluation.summary import summarise
from tests.evaluated import DEFINED, attempt, attempts, suite, write


def summary(samples, ids, k, same=lambda a, b: a == b, seconds=2.0):
    return summarise("s", samples, ids, k, same=same, defined_by=DEFINED, seconds=seconds)


def test_counted_by_hand():
    found = summary(attempts({"a": "++-0", "b": "+??-", "c": "????"}), ["a", "b", "c"], 4)
    assert (found.n, found.k) == (3, 4)
    assert found.estimates == pytest.approx(
        {
            "avg@4": (2 / 4 + 1 / 2) / 2,
            "lenient@4": (3 / 4 + 1 / 2) / 2,
            "pass@1": 0.5,
            "pass@2": (5 / 6 + 1) / 2,
            "pass@4": 1.0,
            "maj@1": 0.5,
            "maj@2": ((5 / 6 * 1.0 - 2 / 6 * 0.5) + 0.5) / 2,
            "maj@4": (1.0 + 0.5) / 2,
        }
    )
    assert found.rates == pytest.approx(
        {
            "truncated": 1 / 12,
            "no_answer": 1 / 12,
            "ungradable": 6 / 12,
            "problems_left_out": 1 / 3,
            "if_ungradable_wrong": (2 / 4 + 1 / 4 + 0) / 3,
            "if_ungradable_right": (2 / 4 + 3 / 4 + 1) / 3,
        }
    )
    assert found.tokens == pytest.approx(
        {"mean": 11.5, "median": 11.5, "max": 13, "right": 31 / 3, "wrong": 38 / 3, "sum": 138}
    )
    assert found.tokens_per_second == 69
    assert found.interval("sampling").low < 0.5 < found.interval("sampling").high
    assert found.intervals["pass@2"].keys() == {"over_problems"}
    assert found.by == {}


def test_missing_samples_stop_it():
    with pytest.raises(RunError, match="1 are missing: b #1"):
        summary(attempts({"a": "++", "b": "+"}), ["a", "b"], 2)
    with pytest.raises(RunError, match="2 are missing: c #0, c #1"):
        summary(attempts({"a": "++", "b": "++"}), ["a", "b", "c"], 2)


def test_answers_that_cannot_be_compared_have_no_vote():
    found = summary([attempt("a", said=None, lenient=None)], ["a"], 1, same=None)
    assert list(found.estimates) == ["avg@1", "pass@1"]


def test_nothing_could_be_graded():
    found = summary(attempts({"a": "??", "b": "??"}), ["a", "b"], 2)
    assert set(found.estimates.values()) == {None}
    assert found.average is found.interval("sampling") is found.tokens["right"] is None
    assert found.rates["problems_left_out"] == 1


def test_by_level_and_subject():
    rows = {"p10": (10, "algebra", "+-"), "p2": (2, "algebra", "--"), "p2b": (2, "counting", "++")}
    samples = [
        attempt(name, i, letter, level=level, subject=subject)
        for name, (level, subject, letters) in rows.items()
        for i, letter in enumerate(letters)
    ]
    by = summary(samples, list(rows), 2).by
    assert {key: {value: (p.problems, p.average) for value, p in of.items()} for key, of in by.items()} == {
        "level": {"2": (2, 0.5), "10": (1, 0.5)},
        "subject": {"algebra": (2, 0.25), "counting": (1, 1.0)},
    }
    assert list(by["level"]) == ["2", "10"]
    assert by["level"]["10"].over_problems is None  # one problem says nothing about others


def test_the_order_of_samples_does_not_matter():
    samples = attempts({"a": "++-0", "b": "+?0-", "c": "--+?"})
    forwards = summary(samples, ["a", "b", "c"], 4)
    backwards = summary(samples[::-1], ["a", "b", "c"], 4)
    assert backwards.estimates == pytest.approx(forwards.estimates)
    assert backwards.rates == forwards.rates


def test_results_come_back(tmp_path):
    found, _ = suite(["++-0", "+??-", "????"])
    write_results(tmp_path, found)
    assert read_results(tmp_path) == found
    assert as_json(found) == json.loads((tmp_path / "results.json").read_text())
    keys = "suite n k estimates intervals rates tokens by defined_by seconds tokens_per_second"
    raw = json.loads((tmp_path / "results.json").read_text())
    assert set(raw) == set(keys.split())
    assert raw["intervals"]["avg@4"]["sampling"].keys() == {"low", "high"}
    assert raw["defined_by"]["sampling"] == {"temperature": 0.6, "top_p": 0.95, "max_tokens": 1024}


def test_no_number_that_json_does_not_know(tmp_path):
    found, _ = suite(["+"])
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_results(tmp_path, replace(found, seconds=float("nan")))
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_result(tmp_path):
    with pytest.raises(UserError, match="there is no"):
        read_results(tmp_path)
    (tmp_path / "results.json").write_text('{"suite": "s"}')
    with pytest.raises(UserError, match="is not an evaluation's results"):
        read_results(tmp_path)


def test_folders_of_one_and_of_several_suites(tmp_path):
    write(tmp_path / "run" / "x", ["+"], name="aime2024")
    write(tmp_path / "run" / "y", ["+"], name="math500")
    assert suites_in(tmp_path / "run") == {"aime2024": tmp_path / "run" / "x", "math500": tmp_path / "run" / "y"}
    assert suites_in(tmp_path / "run" / "y") == {"math500": tmp_path / "run" / "y"}
    write(tmp_path / "run" / "z", ["-"], name="math500")
    with pytest.raises(UserError, match="holds math500 twice"):
        suites_in(tmp_path / "run")
    with pytest.raises(UserError, match=r"holds no results\.json"):
        suites_in(tmp_path / "nowhere")
