"""The two judges of a suite: the strict one of training, and one that takes an answer wherever it stands.

A model that was never taught to box its answers scores 0 with the first whatever it can do; with the second a number in
passing counts. Neither alone is the truth, so an evaluation has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1rl.evaluation.suites import Suite
from r1rl.judge import Answer
from r1rl.reward import JudgePool
from r1rl.types import Score, Verdict


class Judges:
    """Processes that judge, to be closed."""

    def __init__(self, suite: Suite, workers: int, deadline_s: float, log: Path) -> None:
        self._strict = JudgePool([suite.judge], workers, deadline_s, log)
        self._lenient = JudgePool([suite.lenient], workers, deadline_s, log) if suite.lenient else None

    def judge(self, answers: Sequence[Answer]) -> list[tuple[Score, Verdict | None]]:
        """For each answer its score and its lenient verdict, None where the suite has no such reading.

        What is right to the strict judge is right: only the rest is read again.
        """
        scores = self._strict.judge(answers)
        if self._lenient is None:
            return [(score, None) for score in scores]
        rest = [i for i, score in enumerate(scores) if score.verdict is not Verdict.CORRECT]
        verdicts = [score.verdict for score in scores]
        for i, again in zip(rest, self._lenient.judge([answers[i] for i in rest]), strict=True):
            verdicts[i] = again.verdict
        return list(zip(scores, verdicts, strict=True))

    def close(self) -> None:
        self._strict.close()
        if self._lenient is not None:
            self._lenient.close()
