"""The file of evaluated samples: whole or named as incomplete, whatever a crash or a model did to it."""

from __future__ import annotations

import json

import pytest

from r1rl.errors import RunError, UserError
from r1rl.evaluation.attempts import SampleLog, complete, missing, read_attempts
from tests.evaluated import attempt, attempts


def written(path, samples):
    log = SampleLog(path)
    log.write(samples)
    log.close()
    return path


def test_what_a_model_writes_comes_back(tmp_path):
    nasty = "line\u2028sep\u0085 \r\n nul\x00 half \ud800 } ] \" ' é 漢 \x1c"
    samples = [attempt(response=nasty, said=None, letter="0"), attempt(sample=1, level=3, subject="algebra")]
    assert list(read_attempts(written(tmp_path / "s.jsonl", samples))) == samples


def test_rows_are_what_grade_reads(tmp_path):
    from r1rl.grade import Row, parse

    line = written(tmp_path / "s.jsonl", [attempt()]).read_bytes()
    row = parse(1, line)
    assert isinstance(row, Row)
    assert row.answer.problem.gold == "1"
    assert row.answer.text == "I say +"


def test_a_graded_file_is_still_a_sample_file(tmp_path):
    path = written(tmp_path / "s.jsonl", [attempt()])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"score": 1.0, "more": [1]}) + "\n")
    assert list(read_attempts(path)) == [attempt()]


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_cut_off_last_line_is_left_out_and_written_again(tmp_path, cut):
    path = written(tmp_path / "s.jsonl", [attempt(), attempt(sample=1)])
    path.write_bytes(path.read_bytes()[:-cut])
    whole = 2 if cut == 1 else 1  # only the newline is missing
    assert len(list(read_attempts(path))) == whole
    written(path, [attempt(sample=i) for i in range(whole, 3)])
    assert list(read_attempts(path)) == [attempt(), attempt(sample=1), attempt(sample=2)]


def test_nothing_but_a_cut_off_line(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text('{"id": "s')
    assert list(read_attempts(path)) == []
    written(path, [attempt()])
    assert list(read_attempts(path)) == [attempt()]


def test_a_broken_line_in_the_middle_is_told(tmp_path):
    path = written(tmp_path / "s.jsonl", [attempt()])
    path.write_text('{"id": "s\n' + path.read_text())
    with pytest.raises(UserError, match=r"s\.jsonl:1 is not an evaluated sample"):
        list(read_attempts(path))


@pytest.mark.parametrize(
    "changes", [{"verdict": "maybe"}, {"finish": "abort"}, {"tokens": "7"}, {"sample": True}, {"id": 3}]
)
def test_rows_that_are_no_samples(tmp_path, changes):
    path = written(tmp_path / "s.jsonl", [attempt()])
    path.write_text(json.dumps(json.loads(path.read_text()) | changes) + "\n")
    with pytest.raises(UserError, match="not an evaluated sample"):
        list(read_attempts(path))


def test_a_sample_given_twice(tmp_path):
    path = written(tmp_path / "s.jsonl", [attempt(), attempt(sample=1), attempt()])
    with pytest.raises(UserError, match=r"s\.jsonl:3: sample 0 of s/1 is there twice"):
        list(read_attempts(path))


def test_complete():
    keys = [a.key for a in attempts({"a": "+-", "b": "0?"})]
    complete(keys, ["a", "b"], 2)
    complete(iter(reversed(keys)), ["a", "b"], 2)


def test_missing_samples_are_named_and_never_halve_a_number():
    half = [a.key for a in attempts({"a": "+" * 8, "b": "+" * 8})]
    with pytest.raises(RunError, match=r"of 32 samples 16 are missing: a #8, a #9.* and 8 more"):
        complete(half, ["a", "b"], 16)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([("a", 0)], "1 are missing: b #0"),
        ([("a", 0), ("b", 0), ("b", 0)], "1 came more than once: b #0"),
        ([("a", 0), ("b", 0), ("c", 0)], "1 do not belong to the suite: c #0"),
        ([("a", 0), ("b", 0), ("b", 1)], "1 do not belong to the suite: b #1"),
    ],
)
def test_too_few_and_too_many(keys, said):
    with pytest.raises(RunError, match=said):
        complete(keys, ["a", "b"], 1)


def test_nothing_evaluated():
    with pytest.raises(RunError, match="0 problems, 4 samples each"):
        complete([], [], 4)


def test_what_a_resumed_evaluation_has_to_do():
    assert missing([("b", 1), ("a", 0)], ["a", "b"], 2) == [("a", 1), ("b", 0)]


def test_a_problem_listed_twice():
    with pytest.raises(RunError, match="a is in the suite twice"):
        complete([("a", 0)], ["a", "a"], 1)
