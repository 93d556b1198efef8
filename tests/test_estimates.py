"""avg@k, pass@k and maj@k against slow versions that list every subset, in exact fractions."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.evaluation.estimates import Tally, average, bounds, graded, pass_at, sizes, tallies
from r1rl.evaluation.voting import Ballot, ballot, classes, majority
from r1rl.types import Verdict
from tests.evaluated import attempt, attempts


def tally(right: int, graded: int, ungradable: int = 0) -> Tally:
    return Tally(right=right, graded=graded, ungradable=ungradable)


def slow_pass_at(right: int, n: int, k: int) -> Fraction:
    found = [any(subset) for subset in combinations([True] * right + [False] * (n - right), k)]
    return Fraction(sum(found), len(found))


def slow_majority(votes: Ballot, k: int) -> Fraction:
    cast: list[int | None] = [c for c, count in enumerate(votes.votes_C) for _ in range(count)]
    cast += [None] * votes.silent
    values = [winner_value(votes, subset) for subset in combinations(cast, k)]
    return sum(values, Fraction(0)) / len(values)


def winner_value(votes: Ballot, subset: tuple[int | None, ...]) -> Fraction:
    counts = Counter(c for c in subset if c is not None)
    winners = [c for c in counts if counts[c] == max(counts.values())]
    return sum((Fraction(votes.right_C[c]) for c in winners), Fraction(0)) / max(1, len(winners))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_pass_at_k_is_the_mean_over_all_subsets(n):
    for right in range(n + 1):
        for k in range(1, n + 1):
            assert pass_at(tally(right, n), k) == pytest.approx(float(slow_pass_at(right, n, k)), abs=1e-15)


def test_pass_at_k_is_the_product_of_human_eval():
    for n, right, k in ((64, 3, 16), (200, 7, 100), (64, 63, 64)):
        product = 1 - np.prod(1 - k / np.arange(n - right + 1, n + 1)) if n - right >= k else 1.0
        assert pass_at(tally(right, n), k) == pytest.approx(product, rel=1e-12)


def test_pass_at_1_is_the_average():
    suite = [tally(1, 4), tally(3, 4), tally(0, 4)]
    assert average(suite) == pytest.approx(sum(pass_at(t, 1) for t in suite) / 3)


def test_no_answer_is_wrong_and_ungradable_is_neither():
    suite = tallies(attempts({"a": "+0??", "b": "----"}))
    assert suite == {"a": tally(1, 2, 2), "b": tally(0, 4, 0)}
    assert average(suite.values()) == 0.25


def test_a_problem_that_nobody_could_grade_is_left_out():
    suite = tallies(attempts({"a": "++", "b": "??"}))
    assert list(graded(suite)) == ["a"]
    assert average(suite.values()) == 1.0
    assert bounds(suite.values()) == (0.5, 1.0)
    assert average([tally(0, 0, 3)]) is None


def test_every_problem_weighs_the_same():
    assert average([tally(1, 1, 63), tally(0, 64)]) == 0.5


def test_too_few_graded_samples_for_k():
    assert pass_at(tally(0, 3, 1), 4) == 0.0
    assert pass_at(tally(1, 3, 1), 4) == 1.0


def test_sizes():
    assert [sizes(k) for k in (1, 2, 4, 10)] == [[1], [1, 2], [1, 2, 4], [1, 2, 4, 8, 10]]


ballots = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0.0, 1.0, 0.5])), max_size=4).flatmap(
    lambda rows: st.integers(0 if rows else 1, 3).map(
        lambda silent: Ballot(votes_C=tuple(v for v, _ in rows), right_C=tuple(r for _, r in rows), silent=silent)
    )
)


@settings(max_examples=40)
@given(ballots, st.integers(1, 9))
def test_maj_at_k_is_the_mean_over_all_subsets(votes, k):
    if votes.samples <= 11:
        assert majority(votes, k) == pytest.approx(float(slow_majority(votes, min(k, votes.samples))), abs=1e-12)


def test_maj_at_1_is_the_average():
    assert majority(Ballot(votes_C=(5, 9, 1), right_C=(1.0, 0.0, 0.0), silent=5), 1) == pytest.approx(5 / 20)


def test_maj_at_64_of_64_different_answers():
    votes = Ballot(votes_C=(1,) * 64, right_C=(1.0, *[0.0] * 63), silent=0)
    assert all(majority(votes, k) == pytest.approx(1 / 64) for k in sizes(64))


def test_maj_at_k_of_very_many_samples():
    votes = Ballot(votes_C=(4, 2), right_C=(1.0, 0.0), silent=1194)
    assert 0.5 < majority(votes, 600) < majority(votes, 1200) == pytest.approx(1.0)


def test_ties_share_the_vote():
    assert majority(Ballot(votes_C=(2, 2, 1), right_C=(0.0, 1.0, 0.0), silent=0), 5) == 0.5
    assert majority(Ballot(votes_C=(1, 1, 1), right_C=(0.0, 1.0, 0.0), silent=0), 3) == pytest.approx(1 / 3)


def same(a: str, b: str) -> bool:
    return float(a) == float(b)


def said(*answers: str | None) -> Ballot:
    """The ballot of answers of which those equal to 1 are right."""
    rows = [
        (a, Verdict.NO_ANSWER if a is None else Verdict.CORRECT if same(a, "1") else Verdict.WRONG) for a in answers
    ]
    return ballot([attempt(sample=i, said=a, verdict=verdict) for i, (a, verdict) in enumerate(rows)], same)


def test_answers_vote_by_meaning_not_by_text():
    assert majority(said("1", "1.0", "1.00", "2", "2"), 5) == 1.0


def test_no_answer_does_not_vote():
    assert majority(said("1", None, None, None), 4) == 1.0
    assert majority(said(None, None), 2) == 0.0


def test_ungradable_samples_do_not_vote():
    rows = [attempt(sample=0), *(attempt(sample=i, letter="?") for i in (1, 2, 3))]
    assert ballot(rows, str.__eq__).samples == 1
    assert majority(ballot(rows[1:], str.__eq__), 3) == 0.0


def test_identical_answers_are_never_asked_about():
    asked = []
    found = classes(["7", "3", "7", "3.0", "7"], lambda a, b: asked.append((a, b)) or same(a, b))
    assert found == {"7": 0, "3": 1, "3.0": 1}
    assert asked == [("7", "3"), ("7", "3.0"), ("3", "3.0")]


def test_classes_do_not_depend_on_the_order_of_samples():
    def near(a: str, b: str) -> bool:  # not transitive
        return abs(float(a) - float(b)) <= 1

    assert classes(["1", "2", "2", "3"], near) == classes(["3", "2", "1", "2"], near) == {"2": 0, "1": 0, "3": 0}


def test_a_judge_that_contradicts_itself_splits_a_class():
    rows = [attempt(sample=0, said="1"), attempt(sample=1, said="1.0", letter="-")]
    assert ballot(rows, same).right_C == (0.5,)


def test_right_answers_without_a_text_are_one_class():
    rows = [*(attempt(sample=i, said=None) for i in (0, 1)), attempt(sample=2, letter="-")]
    assert sorted(zip(ballot(rows, same).votes_C, ballot(rows, same).right_C, strict=True)) == [(1, 0.0), (2, 1.0)]
    assert ballot([attempt(letter="-", said=None)], same).silent == 1
