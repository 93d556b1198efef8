"""The table of published numbers, and `compare` on folders as a user has them."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from r1rl.errors import UserError
from r1rl.evaluation import published as module
from r1rl.evaluation.comparable import load_evaluation
from r1rl.evaluation.compare import compare
from r1rl.evaluation.published import canonical, numbers_of, stand
from tests.evaluated import DEFINED, GREEDY, write

SMALL = "deepseek-r1-distill-qwen-1.5b"


def test_every_entry_is_whole():
    table = module._table()
    for model in table["models"]:
        assert model == model.lower()
        for number in numbers_of(model):
            assert number.suite in table["suites"]
            assert number.metric in ("avg", "maj")
            assert number.k >= 1
            assert 0 < number.points < 100
            assert number.url.startswith("https://")
            assert number.how
        keys = [(n.source, n.suite, n.metric) for n in numbers_of(model)]
        assert len(set(keys)) == len(keys)


def test_known_numbers():
    found = {
        (n.source.split()[0], n.suite, n.metric): (n.points, n.k) for n in numbers_of(f"deepseek-ai/{SMALL.upper()}")
    }
    assert found["DeepSeek-R1", "aime2024", "avg"] == (28.9, 64)
    assert found["DeepSeek-R1", "aime2024", "maj"] == (52.7, 64)
    assert found["DeepSeek-R1", "math500", "avg"] == (83.9, 64)
    assert found["Open", "aime2024", "avg"] == (30.7, 64)
    assert found["Open", "math500", "avg"] == (83.1, 4)


def test_the_known_discrepancy_is_told():
    llama = numbers_of("deepseek-r1-distill-llama-8b")
    assert llama[0].points == 50.4
    assert "41.7" in llama[0].note


def test_an_unknown_model():
    with pytest.raises(UserError, match="did you mean `deepseek-r1-distill-qwen-7b`"):
        numbers_of("deepseek-r1-distil-qwen-7b")


def test_names_of_suites():
    assert [canonical(n) for n in ("aime24", "AIME-2024", "math_500", "aime2025")] == [
        "aime2024",
        "aime2024",
        "math500",
        "aime2025",
    ]


def aime_rows(right):
    """30 problems of 4 samples, `right` of the 120 right, half of the problems hopeless."""
    counts = [min(4, max(0, right - 4 * i)) for i in range(15)]
    return ["+" * c + "-" * (4 - c) for c in counts] + ["----"] * 15


def test_within_and_beyond_sampling(tmp_path):
    number = numbers_of(SMALL)[0]
    rows = ["+---"] * 20 + ["++--"] * 7 + ["----"] * 3  # 34 of 120: 28.3
    near = stand(load_evaluation("near", write(tmp_path / "near", rows)), number)
    assert near.difference == pytest.approx(0.2833 - 0.289, abs=1e-3)
    assert near.sentence().startswith("aime2024: near against avg@64 = 28.9 (DeepSeek-R1 README")
    assert near.sentence().endswith("consistent")
    far = stand(load_evaluation("far", write(tmp_path / "far", ["++++"] * 20 + ["++-+"] * 10)), number)
    assert far.sentence().endswith("more than sampling explains")


def test_theirs_counts_as_noise_too(tmp_path):
    run = load_evaluation("a", write(tmp_path / "a", ["+---", "++--", "----"] * 10))
    number = numbers_of(SMALL)[0]
    widths = [stand(run, replace(number, k=k)).sampling.width for k in (1, 4, 64, 10_000)]
    assert widths == sorted(widths, reverse=True)
    assert widths[1] == pytest.approx(2**0.5 * widths[3], rel=1e-3)  # as many samples: twice the variance


def test_part_of_a_suite_is_not_compared(tmp_path):
    run = load_evaluation("a", write(tmp_path / "a", ["+-"] * 10))
    found = stand(run, numbers_of(SMALL)[0])
    assert found.difference is None
    assert "not compared, it is over 30 problems, the run over 10" in found.sentence()


def test_greedy_is_not_compared_with_samples(tmp_path):
    run = load_evaluation("a", write(tmp_path / "a", ["+", "-"] * 15, GREEDY))
    assert "not compared, the run is greedy" in stand(run, numbers_of(SMALL)[0]).sentence()


def test_votes_need_the_same_k(tmp_path):
    run = load_evaluation("a", write(tmp_path / "a", aime_rows(40)))
    votes = numbers_of(SMALL)[1]
    assert "the run has no maj@64" in stand(run, votes).sentence()
    found = stand(run, replace(votes, k=4))
    assert found.ours == run.results.estimates["maj@4"]
    assert "no interval" in found.sentence()


def said(paths, published=None, out=None):
    text = io.StringIO()
    found = compare(Console(file=text, width=200), paths, published, out)
    return found, text.getvalue()


def test_compare_runs_of_several_suites(tmp_path):
    for run, share in (("a", 20), ("b", 40)):
        write(tmp_path / run / "one", aime_rows(share), replace(DEFINED, model_digest=run))
        write(tmp_path / run / "two", ["+-", "--"], replace(DEFINED, model_digest=run), name="math500")
    write(tmp_path / "b" / "three", ["+-", "--"], name="aime2025")
    (pairs, standings), text = said([tmp_path / "a", tmp_path / "b"], SMALL, tmp_path / "out")
    assert [pair.suite for pair in pairs] == ["aime2024", "math500"]
    assert "aime2024: b is better by 16.7 points, 95% CI" in text
    assert "math500: b and a are equal on every problem" in text
    assert "left out, since not every run has it: aime2025 of b" in text
    assert "right more often on 5 problems, less often on 0, of 30" in text
    assert "https://github.com/deepseek-ai/DeepSeek-R1" in text
    assert len(standings) == 2 * 7  # AIME and MATH numbers of three sources, each for both runs
    assert (tmp_path / "out" / "comparison.png").read_bytes().startswith(b"\x89PNG")


def test_lenient_verdicts_are_compared_when_asked_for(tmp_path):
    never_boxed = ["00", "00", "0-", "--"]  # 0: no strict answer, right if it may stand anywhere
    folders = [write(tmp_path / "a", ["--"] * 4), write(tmp_path / "b", never_boxed)]
    (pairs, _), text = said(folders)
    assert (pairs[0].difference, pairs[0].average_b) == (0, 0)
    text = io.StringIO()
    [pair], _ = compare(Console(file=text, width=200), folders, None, None, lenient=True)
    assert (pair.difference, pair.better, pair.worse) == (5 / 8, 3, 0)
    assert "Read leniently" in text.getvalue()
    assert " 62.5 " in text.getvalue()  # in the table, too


def test_one_run_against_published_numbers(tmp_path):
    (pairs, standings), text = said([write(tmp_path / "a [red]$x$", aime_rows(35))], SMALL, tmp_path / "out")
    assert pairs == []
    assert len(standings) == 4
    assert "aime2024: a [red]$x$ against avg@64 = 28.9" in text


def test_runs_of_one_name_are_called_by_their_paths(tmp_path):
    folders = [write(tmp_path / run / "eval", aime_rows(30)) for run in ("a", "b")]
    (pairs, _), _ = said(folders)
    assert (pairs[0].a, pairs[0].b) == tuple(map(str, folders))


def test_what_cannot_be_compared(tmp_path):
    a = write(tmp_path / "a", ["+-"])
    with pytest.raises(UserError, match="one run was given"):
        said([a])
    with pytest.raises(UserError, match="a folder was given twice"):
        said([a, tmp_path / "b" / ".." / "a"])
    with pytest.raises(UserError, match="share no suite"):
        said([a, write(tmp_path / "m", ["+-"], name="math500")])
    with pytest.raises(UserError, match="has no published numbers on addition"):
        said([write(tmp_path / "add", ["+-"], name="addition")], SMALL)


def test_results_made_by_hand_are_checked(tmp_path):
    a = write(tmp_path / "a", ["+-"])
    row = json.loads((a / "results.json").read_text())
    (a / "results.json").write_text(json.dumps(row | {"n": "many"}))
    with pytest.raises(UserError, match="is not an evaluation's results"):
        said([a], SMALL)
