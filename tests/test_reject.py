"""Rejection sampling: what is kept, and that every trace that is not has its reason counted."""

from __future__ import annotations

import json

import pytest

from r1rl import provenance
from r1rl.errors import UserError
from r1rl.traces.reject import keep, lineage, reject, require_free
from r1rl.traces.report import Report
from r1rl.traces.rules import Rules
from r1rl.traces.store import read
from r1rl.types import Verdict
from tests.traces import folder, group, trace

BARE = Rules(format=None, max_repetition=None, against=())
FINE = {"format:r1_zero": 1.0, "language:consistency": 0.95, "repetition:ngrams": -0.05}


def reasons(traces, rules=BARE):
    report = Report()
    kept = list(keep(traces, rules, None, report))
    assert report.kept == len(kept)
    assert report.traces == len(kept) + report.dropped.total()
    return dict(report.dropped), kept


@pytest.mark.parametrize(
    ("rules", "changes", "parts", "why"),
    [
        ({}, {}, FINE, None),
        ({}, {"finish": "length"}, FINE, "cut off"),
        ({}, {"verdict": Verdict.WRONG}, FINE, "not correct"),
        ({}, {"verdict": Verdict.NO_ANSWER}, FINE, "not correct"),
        ({}, {"verdict": Verdict.UNGRADABLE}, FINE, "not gradable"),
        ({"correct": False}, {"verdict": Verdict.WRONG}, FINE, None),
        ({"correct": False}, {"verdict": Verdict.UNGRADABLE}, FINE, "not gradable"),
        ({"max_tokens": 11}, {}, FINE, "too long"),
        ({"max_tokens": 12}, {}, FINE, None),
        ({}, {}, FINE | {"format:r1_zero": 0.0}, "not in the form"),
        ({"language": "en"}, {}, FINE | {"language:consistency": 0.5}, "mixes languages"),
        ({}, {}, FINE | {"language:consistency": 0.5}, None),
        ({}, {}, FINE | {"repetition:ngrams": -0.2}, "repeats itself"),
        ({}, {}, None, "its form could not be judged"),
        (
            {"max_paragraph": 9},
            {"response": "<think>short\n\nshort</think>a long answer"},
            FINE,
            "has a long paragraph",
        ),
        ({"max_paragraph": 12}, {"response": "<think>short\n\nshort</think>a long answer"}, FINE, None),
        ({"code_blocks": False}, {"response": "<think>```x```</think>1"}, FINE, "has a code block"),
        ({"code_blocks": False}, {"response": "<think>x</think>```1```"}, FINE, None),
    ],
)
def test_each_rule_has_its_reason(rules, changes, parts, why):
    assert Rules(**rules).broken_by(trace(**changes), parts) == why


def test_duplicates_go_also_when_only_white_space_differs():
    same = trace(0, 1, response=trace(0, 0).response.replace(", ", ",\n "))
    dropped, kept = reasons([trace(0, 0), same, trace(0, 2), trace(1, 0)])
    assert dropped == {"a duplicate": 1}
    assert [(t.ordinal, t.sample) for t in kept] == [(0, 0), (0, 2), (1, 0)]


def test_the_cap_counts_what_is_kept():
    rules = BARE.model_copy(update={"per_problem": 2})
    traces = [trace(0, 0, verdict=Verdict.WRONG), *(trace(0, n) for n in range(1, 5)), *group(1, 3)]
    dropped, kept = reasons(traces, rules)
    assert dropped == {"not correct": 1, "more than its problem may have": 3}
    assert [(t.ordinal, t.sample) for t in kept] == [(0, 1), (0, 2), (1, 0), (1, 1)]


def test_benchmark_questions_go(tmp_path, monkeypatch):
    import r1rl.traces.reject as module
    from r1rl.types import Problem

    monkeypatch.setattr(module, "benchmark", lambda names: [Problem(id="b/1", question="11 + 7 = ?", gold="18")])
    dropped, kept = reasons([*group(0), *group(1)], BARE.model_copy(update={"against": ("any",)}))
    assert dropped == {"shares text with a benchmark": 2}
    assert {t.ordinal for t in kept} == {0}


def test_the_report_counts_problems_that_stand_together():
    traces = [trace(0, 0, verdict=Verdict.WRONG), trace(0, 1), trace(0, 2), trace(1, 0, verdict=Verdict.WRONG)]
    report = Report()
    list(keep(traces, BARE, None, report))
    found = report.numbers()
    assert (found["problems"], found["covered"], found["tokens"]) == (2, 1, 24)
    assert json.loads(report.as_json())["examples"] == {"not correct": ["addition2/train/0 #0", "addition2/train/1 #0"]}


def test_a_folder_becomes_another_with_lineage(tmp_path):
    loop = "<think>" + "again and " * 60 + "</think><answer>17</answer>"
    traces = [*group(0), trace(0, 2, response="17"), trace(0, 3, response=loop)]
    source = folder(tmp_path / "all", traces)
    rules = Rules(against=())
    require_free(source, tmp_path / "kept")
    report = reject(source, rules, tmp_path / "kept", workers=1, deadline_s=10.0)
    provenance.write(tmp_path / "kept", lineage(source, rules, tmp_path / "kept", report))
    assert dict(report.dropped) == {"not in the form": 1, "repeats itself": 1}
    assert list(read(tmp_path / "kept")) == group(0)
    found = provenance.read(tmp_path / "kept")
    assert found is not None
    assert found.parents["traces"].digest == provenance.digest(source)
    with pytest.raises(UserError, match="holds traces already"):
        require_free(source, tmp_path / "kept")


def test_nothing_kept_is_an_error_with_the_reasons(tmp_path):
    source = folder(tmp_path / "all", [trace(verdict=Verdict.WRONG)])
    with pytest.raises(UserError, match="1 not correct"):
        reject(source, BARE, tmp_path / "kept", workers=1, deadline_s=10.0)
