"""Grading files: rows keep their order and fields, bad rows are told and left out, nothing is overwritten."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from r1rl.cli import app
from r1rl.errors import UserError
from r1rl.grade import BadRow, Row, check_paths, grade, options_of, parse
from r1rl.judge import RewardSpec
from r1rl.reward import JudgePool

RIGHT = "<think>so</think><answer>42</answer>"


@pytest.fixture(scope="module")
def pool():
    pool = JudgePool([RewardSpec(fn="number:correct", full_marks=True)], workers=2, deadline_s=5.0)
    yield pool
    pool.close()


def graded(pool, tmp_path, *lines: bytes) -> tuple[list[dict], str]:
    source, target = tmp_path / "rows.jsonl", tmp_path / "verdicts.jsonl"
    source.write_bytes(b"\n".join(lines))
    said = StringIO()
    grade(Console(file=said, width=200), pool, source, target)
    return [json.loads(line) for line in target.read_text().splitlines()], said.getvalue()


def test_rows_keep_their_order_and_fields(pool, tmp_path):
    lines = [
        json.dumps({"id": n, "answer": n, "response": f"<answer>{n - n % 2}</answer>", "extra": {"n": [n]}}).encode()
        for n in range(1500)
    ]
    rows, _ = graded(pool, tmp_path, *lines)
    assert [row["id"] for row in rows] == list(range(1500))
    assert [row["verdict"] for row in rows] == ["wrong" if n % 2 else "correct" for n in range(1500)]
    assert [row["score"] for row in rows] == [0.0 if n % 2 else 1.0 for n in range(1500)]
    assert all(row["extra"] == {"n": [n]} and row["answer"] == n for n, row in enumerate(rows))


def test_bad_rows_are_told_by_line_and_left_out(pool, tmp_path):
    good = json.dumps({"answer": "42", "response": RIGHT, "verdict": "an older one"}).encode()
    deep = b'{"answer": "1", "response": ' + b"[" * 100_000
    rows, said = graded(pool, tmp_path, good, b"nope", b"", b"\xff\xfe", b'{"answer": "1"}', deep, b"[1]", good)
    assert [row["verdict"] for row in rows] == ["correct", "correct"]
    assert [n for n in range(1, 9) if f"rows.jsonl:{n}: left out: " in said] == [2, 4, 5, 6, 7]
    assert "bad rows, left out" in said


def test_every_verdict_comes_through(pool, tmp_path):
    answers = [("42", RIGHT), ("41", RIGHT), ("42", "hm"), ("no number", RIGHT)]
    lines = [json.dumps({"answer": gold, "response": text}).encode() for gold, text in answers]
    rows, _ = graded(pool, tmp_path, *lines)
    assert [row["verdict"] for row in rows] == ["correct", "wrong", "no_answer", "ungradable"]
    assert rows[3]["detail"]


def test_a_number_is_correct_at_full_marks(tmp_path):
    pool = JudgePool([RewardSpec(fn="format:r1_zero", full_marks=True)], workers=1, deadline_s=5.0)
    lines = [json.dumps({"answer": "", "response": text}).encode() for text in (RIGHT, "42")]
    rows, _ = graded(pool, tmp_path, *lines)
    pool.close()
    assert [(row["verdict"], row["score"]) for row in rows] == [("correct", 1.0), ("wrong", 0.0)]


@given(
    st.binary()
    | st.dictionaries(st.text(), st.none() | st.text() | st.integers()).map(lambda d: json.dumps(d).encode())
)
def test_any_line_is_a_row_or_a_bad_row(raw):
    assert isinstance(parse(1, raw), Row | BadRow)


@pytest.mark.parametrize(("gold", "kept"), [("3", "3"), (3, "3"), (0.5, "0.5"), ("", "")])
def test_golds_become_text(gold, kept):
    row = parse(1, json.dumps({"answer": gold, "response": "x"}).encode())
    assert isinstance(row, Row)
    assert row.answer.problem.gold == kept


@pytest.mark.parametrize("gold", [None, True, ["3"], {"a": 1}])
def test_other_golds_are_bad_rows(gold):
    assert isinstance(parse(1, json.dumps({"answer": gold, "response": "x"}).encode()), BadRow)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(UserError, match="exists already"):
        check_paths(tmp_path / "rows.jsonl", tmp_path / "rows.jsonl")
    with pytest.raises(UserError, match="there is no file"):
        check_paths(tmp_path / "no.jsonl", tmp_path / "out.jsonl")
    with pytest.raises(UserError, match="there is no folder"):
        check_paths(tmp_path / "rows.jsonl", tmp_path / "no" / "out.jsonl")


@pytest.mark.parametrize("text", ["extract", "=x", "a b=c"])
def test_an_option_is_key_and_value(text):
    with pytest.raises(UserError, match="is not key=value"):
        options_of([text])


def test_the_command(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"answer": "42", "response": RIGHT}))
    arguments = ["--input", str(tmp_path / "rows.jsonl"), "--output", str(tmp_path / "out.jsonl"), "--workers", "1"]
    result = CliRunner().invoke(app, ["grade", "number", *arguments])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "out.jsonl").read_text())["verdict"] == "correct"
    assert not (tmp_path / "out.jsonl.partial").exists()
