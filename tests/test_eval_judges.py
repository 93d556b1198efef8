"""One run, two numbers: the strict judge of training and the one that takes an answer wherever it stands."""

from __future__ import annotations

import pytest

from r1rl.evaluation.judges import Judges
from r1rl.evaluation.suites import Suite
from r1rl.judge import Answer, RewardSpec
from r1rl.types import Problem, Verdict

EASY = Problem(id="a", question="6 / 2 = ?", gold="3")


@pytest.fixture
def judged(tmp_path):
    opened = []

    def judge(fn, *texts, **options):
        suite = Suite(name="s", problems=(EASY,), judge=RewardSpec(fn=fn, options=options), boxed=True)
        opened.append(Judges(suite, 1, 5.0, tmp_path / "log"))
        return [
            (score.verdict, lenient)
            for score, lenient in opened[-1].judge([Answer(problem=EASY, text=text, tokens=1) for text in texts])
        ]

    yield judge
    for judges in opened:
        judges.close()


def test_both_readings_of_each_answer(judged):
    assert judged(
        "math:correct", r"so \boxed{3}", "The answer is 3.", r"The answer is 3. \boxed{4}", "no idea", extract="either"
    ) == [
        (Verdict.CORRECT, Verdict.CORRECT),
        (Verdict.NO_ANSWER, Verdict.CORRECT),
        (Verdict.WRONG, Verdict.WRONG),  # who boxes is taken at the box
        (Verdict.NO_ANSWER, Verdict.NO_ANSWER),
    ]


def test_judges_that_know_one_reading_give_one(judged):
    assert judged("number:correct", "<answer>3</answer>", "3") == [(Verdict.CORRECT, None), (Verdict.NO_ANSWER, None)]
