"""Two runs on the same problems: what may be compared, what is chance, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import sqrt

import numpy as np
import pytest

from r1rl.errors import RunError, UserError
from r1rl.evaluation.comparable import Evaluation, load_evaluation
from r1rl.evaluation.estimates import tallies
from r1rl.evaluation.intervals import Interval
from r1rl.evaluation.paired import bootstrap, compare_pair, mcnemar
from tests.evaluated import DEFINED, GREEDY, suite, write


def run(name, rows, defined_by=DEFINED, of="aime2024"):
    results, samples = suite(rows, defined_by, of)
    return Evaluation(name=name, results=results, suite=tallies(samples))


def slow_mcnemar(better, worse):
    """All outcomes of the coin flips that are no more likely than the one seen."""
    flips = list(product((0, 1), repeat=better + worse))
    least = min(better, worse)
    return min(1.0, sum(min(sum(f), len(f) - sum(f)) <= least for f in flips) / len(flips))


@pytest.mark.parametrize(("better", "worse"), [(0, 0), (1, 0), (5, 0), (3, 7), (6, 6), (9, 2)])
def test_mcnemar_counts_coin_flips(better, worse):
    assert mcnemar(better, worse) == pytest.approx(slow_mcnemar(better, worse))


def test_bootstrap_agrees_with_student_on_a_smooth_case():
    gaps = np.random.default_rng(0).normal(0.03, 0.2, 60)
    half = 2.001 * gaps.std(ddof=1) / sqrt(60)
    found = bootstrap(list(gaps))
    assert (found.low, found.high) == pytest.approx((gaps.mean() - half, gaps.mean() + half), abs=0.006)
    assert bootstrap(list(gaps)) == found


def test_bootstrap_covers():
    rng = np.random.default_rng(5)
    found = [bootstrap(list(rng.integers(-3, 5, 30) / 16)) for _ in range(150)]
    assert np.mean([i.low <= 0.5 / 16 <= i.high for i in found]) >= 0.91


def test_no_interval_without_variation():
    assert bootstrap([0.25] * 30) is None
    assert bootstrap([0.25]) is None


def test_pairing_finds_what_two_intervals_hide():
    easy, hard = ["++++"] * 15, ["----"] * 13
    found = compare_pair(run("a", [*easy, *hard, "----", "----"]), run("b", [*easy, *hard, "+++-", "-+++"]))
    assert found.difference == pytest.approx(0.05)
    assert (found.better, found.worse) == (2, 0)
    assert found.over_problems.width < 0.2  # each run's own is over 0.3 wide


def test_the_sentence():
    a = run("a", ["+---"] * 20 + ["++--"] * 20)
    b = run("b", ["++--"] * 20 + ["++-+"] * 18 + ["++--"] * 2)
    found = compare_pair(a, b)
    assert found.clear
    assert found.sentence().startswith("aime2024: b is better by 23.8 points, 95% CI ")
    back = compare_pair(b, a)
    assert back.difference == -found.difference
    assert back.sentence() == found.sentence()  # who is named first does not matter


def test_no_clear_difference_is_not_called_one():
    found = compare_pair(run("a", ["+-", "-+", "--", "++"] * 5), run("b", ["++", "--", "-+", "++"] * 5))
    assert not found.clear
    assert "no clear difference" in found.sentence()


def test_equal_everywhere():
    a = run("a", ["+-", "--"])
    assert compare_pair(a, replace(a, name="b")).sentence() == "aime2024: b and a are equal on every problem"


def test_the_same_gap_everywhere_is_left_to_the_signs():
    found = compare_pair(run("a", ["-"] * 30), run("b", ["+"] * 30))
    assert found.over_problems is None
    assert found.sentence().startswith("aime2024: b is better by 100.0 points, the same on every problem")
    assert not compare_pair(run("a", ["--"] * 3), run("b", ["+-"] * 3)).clear


def test_one_greedy_answer_needs_mcnemar_too():
    found = compare_pair(run("a", ["-"] * 5 + ["+"] * 25, GREEDY), run("b", ["+"] * 30, GREEDY))
    assert found.over_problems.low > 0
    assert found.mcnemar == pytest.approx(0.0625)
    assert found.sampling is None
    assert not found.clear
    assert "no clear difference: b is ahead of a by 16.7 points" in found.sentence()
    assert "exact McNemar p = 0.062" in found.sentence()


def test_several_samples_have_no_mcnemar_but_an_interval_of_sampling():
    found = compare_pair(run("a", ["+-", "--"] * 15), run("b", ["++", "--"] * 15))
    assert found.mcnemar is None
    assert found.sampling.low < found.difference < found.sampling.high


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_sha": "d2"}, "data_sha is d1 and d2"),
        ({"prompt_sha": "p2"}, "prompt_sha is p1 and p2"),
        ({"verifier": "math 2"}, "verifier is math 1 and math 2"),
        ({"sampling": GREEDY.sampling}, "one is greedy"),
    ],
)
def test_what_makes_runs_incomparable(changes, said):
    with pytest.raises(UserError, match=f"a and b cannot be compared: .*{said}"):
        compare_pair(run("a", ["+", "-"]), run("b", ["+", "-"], replace(DEFINED, **changes)))


def test_all_reasons_are_told_at_once():
    other = replace(DEFINED, data_sha="d2", verifier="math 2")
    with pytest.raises(UserError, match=r"data_sha.*verifier.*the suites are.*problems are in one run only"):
        compare_pair(run("a", ["+", "-"]), run("b", ["+"], other, of="math500"))


def test_what_differs_and_may():
    cooler = replace(DEFINED, model_digest="m2", sampling=replace(DEFINED.sampling, max_tokens=64))
    found = compare_pair(run("a", ["+-", "--"]), run("b", ["++--", "+---"], cooler))
    assert found.notes[0] == "max_tokens: 1024 and 64"
    assert found.notes[1].startswith("samples per problem: 2 and 4")
    assert len(found.notes) == 2


def test_problems_that_one_run_could_not_grade_are_left_out_of_both():
    found = compare_pair(run("a", ["++", "--", "--"]), run("b", ["??", "+-", "--"]))
    assert (found.problems, found.left_out) == (2, 1)
    assert (found.average_a, found.average_b) == (0.0, 0.25)


def test_nothing_shared():
    with pytest.raises(UserError, match="share no graded problem"):
        compare_pair(run("a", ["??"]), run("b", ["++"]))


def test_loading(tmp_path):
    folder = write(tmp_path / "a", ["+-", "--"])
    assert load_evaluation("a", folder).suite == run("a", ["+-", "--"]).suite
    (folder / "samples.jsonl").write_text((folder / "samples.jsonl").read_text().splitlines()[0] + "\n")
    with pytest.raises(RunError, match="of 2 samples 1 are missing: aime2024/0 #1"):
        load_evaluation("a", folder)


def test_samples_of_another_evaluation(tmp_path):
    a, b = write(tmp_path / "a", ["+-", "--"]), write(tmp_path / "b", ["++", "--"])
    (a / "samples.jsonl").write_text((b / "samples.jsonl").read_text())
    with pytest.raises(UserError, match=r"give 0\.5 over 2 problems, its results say 0\.25 over 2"):
        load_evaluation("a", a)
    (a / "samples.jsonl").unlink()
    with pytest.raises(UserError, match="there is no"):
        load_evaluation("a", a)


def test_an_interval_has_a_width():
    assert Interval(low=-0.25, high=0.5).width == 0.75
