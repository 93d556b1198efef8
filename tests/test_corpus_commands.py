"""r1rl data …: what the commands print and how they end, on a small set of our own."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from r1rl import catalogue as named
from r1rl import data_commands
from r1rl.corpus.definition import Corpus
from r1rl.data_commands import data_app

WORDS = "Seven friends walk along the river and each of them picks up three white stones and two grey ones"
TINY = Corpus(name="tiny", title="Tiny [set]", licence="MIT", kind="math", reward="math:correct")
BENCH = Corpus(name="bench", title="Bench", licence="MIT", kind="math", reward="math:correct")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command beside a folder with two sets, one of them with a bad row and a question of the other."""
    rows = {
        "tiny": [(f"What is {n} + {n}?", str(2 * n)) for n in range(9)] + [(WORDS + ", in all?", "35"), ("[b]?", "")],
        "bench": [(WORDS + ". How many stones?", "35")],
    }
    manifest = []
    for name, pairs in rows.items():
        lines = [json.dumps({"id": f"{name}/{n}", "problem": q, "answer": a}) for n, (q, a) in enumerate(pairs)]
        content = "\n".join(lines).encode()
        (tmp_path / f"{name}.jsonl").write_bytes(content)
        manifest.append({"file": f"{name}.jsonl", "rows": len(pairs), "sha256": hashlib.sha256(content).hexdigest()})
    (tmp_path / "MANIFEST.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("R1RL_DATA", str(tmp_path))
    monkeypatch.setattr(named, "corpora", lambda: {"tiny": TINY, "bench": BENCH})
    monkeypatch.setattr(named, "trainable", lambda name: name == "tiny")
    monkeypatch.setattr(data_commands.console, "width", 200)

    def call(*words):
        with data_commands.console.capture() as captured:
            result = CliRunner().invoke(data_app, list(words))
        return result.exit_code, captured.get()

    return call


def test_list_tells_what_is_here_and_what_it_is_for(run):
    code, says = run("list")
    assert code == 0
    assert "Tiny [set]" in says
    assert "$R1RL_DATA" in says
    assert "evaluation" in says
    assert "addition" in says


def test_show_shows_problems_as_they_are(run):
    code, says = run("show", "tiny", "-n", "2")
    assert code == 0
    assert "What is 1 + 1?" in says
    assert "→ 2" in says
    assert "tiny/2" not in says


def test_verify_ends_with_1_where_something_is_wrong(run):
    code, says = run("verify", "tiny")
    assert code == 1
    assert "tiny/10: gold answer: empty" in says
    code, says = run("verify", "bench")
    assert code == 0
    assert "1 usable, 0 bad" in says


def test_overlap_names_both_problems(run):
    code, says = run("overlap", "tiny", "--against", "bench")
    assert code == 1
    assert "tiny/9" in says
    assert "bench/0" in says
    assert "1 of 10 problems of tiny" in says
    assert run("overlap", "bench", "--against", "bench")[1].count("exact") == 1


def test_export_writes_a_folder_that_can_be_used(run, tmp_path, monkeypatch):
    code, says = run("export", "bench", "--to", str(tmp_path / "out"))
    assert code == 0
    assert str(tmp_path / "out" / "bench.jsonl") in says
    monkeypatch.setenv("R1RL_DATA", str(tmp_path / "out"))
    assert run("verify", "bench")[0] == 0


def test_an_unknown_set_is_the_users_mistake(run):
    result = CliRunner().invoke(data_app, ["show", "tinny"])
    assert result.exception.exit_code == 2
    assert "tiny" in str(result.exception)
