"""The judge of mathematical answers on labelled cases and published gold answers, where they lie near the repository.

The data is not part of the project: R1RL_SHARED names its folder (default ../shared). bench/graders.py measures more.
"""

import os
import random
from pathlib import Path

import pytest

from bench import graders
from r1rl.answer.gold import problems
from r1rl.answer.verdict import judge
from r1rl.types import Verdict

SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared"))
CASES, DATA = SHARED / "grader_cases", SHARED / "data"
pytestmark = pytest.mark.skipif(
    not CASES.is_dir() or not DATA.is_dir(), reason=f"there is no {CASES} or {DATA}: set R1RL_SHARED"
)


def mistakes(name, mode="boxed"):
    """The cases judged wrongly, as (false positives, false negatives, all)."""
    cases = list(graders.cases(CASES, name))
    said = [(graders.ours(case, mode), case) for case in cases]
    positive = [case["text"] for right, case in said if right and not case["expected"]]
    negative = [case["text"] for right, case in said if case["expected"] and not right]
    return positive, negative, len(cases)


def test_every_adversarial_case_is_right():
    assert mistakes("adversarial")[:2] == ([], [])


@pytest.mark.parametrize(
    ("name", "mode", "least", "false_positives"),
    [
        ("math_verify_tests", "boxed", 0.91, 3),
        ("math_verify_tests", "lenient", 0.966, 3),
        ("misc_peer_tests", "boxed", 0.97, 0),
        ("misc_peer_tests", "lenient", 1.0, 0),
    ],
)
def test_the_tests_of_peers(name, mode, least, false_positives):
    positive, negative, number = mistakes(name, mode)
    assert 1 - len(positive + negative) / number >= least, (positive, negative)
    assert len(positive) <= false_positives, positive


def test_right_answers_written_differently_and_their_wrong_twins():
    positive, negative, number = mistakes("written_differently")
    assert 1 - len(positive + negative) / number >= 0.95, (positive, negative)
    assert positive == [r"\boxed{5, 3}"]  # the parts of a question lose their order


def test_solutions_of_gsm8k():
    positive, negative, number = mistakes("gsm8k_model_solutions")
    assert len(positive + negative) <= number / 1000, (positive, negative)


@pytest.mark.parametrize("name", ["math500", "aime2024", "aime2025", "gsm8k_test"])
def test_the_gold_answer_vouches_for_the_judge(name):
    golds = dict.fromkeys(graders.golds(DATA, name))
    assert [gold for gold in golds if judge(gold, gold).verdict is not Verdict.CORRECT] == []
    assert [gold for gold in golds if problems(gold)] == []


def test_a_sample_of_the_training_data_and_its_bad_golds():
    assert (
        sum(
            problems(gold) is not None for gold in random.Random(0).sample(graders.golds(DATA, "deepmath_roll_5k"), 500)
        )
        == 0
    )
    bad = [gold for gold in dict.fromkeys(graders.golds(DATA, "rllm_math_train")) if problems(gold)]
    assert bad == ["None", ""]


def test_random_wrong_pairs_are_wrong():
    golds = list(dict.fromkeys(graders.golds(DATA, "math500")))
    rng, accepted = random.Random(0), []
    for _ in range(5000):
        one, other = rng.choice(golds), rng.choice(golds)
        if graders.same_string(one) != graders.same_string(other) and judge(one, other).verdict is Verdict.CORRECT:
            accepted.append((one, other))
    assert accepted == []
