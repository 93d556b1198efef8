"""Accuracy with an interval, on a run's held-out problems and on published sets, while it trains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from r1rl import catalogue
from r1rl.corpus import load
from r1rl.corpus.definition import Corpus
from r1rl.crew import Crew
from r1rl.errors import UserError
from r1rl.judge import RewardSpec
from r1rl.metrics import of_parts
from r1rl.reward import JudgePool, Judges
from r1rl.seeds import derive
from r1rl.types import Problem, ProblemSource, ScoredGroup, Verdict

HELDOUT = "heldout"


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """pass@1 over held-out problems, one answer each, with a 95% Wilson interval over the problems.

    >>> Accuracy(accuracy=0.25, low=0.21, high=0.29, n=512, no_answer=0.1, truncated=0.0, ungradable=0.0, tokens=30.1).n
    512
    """

    accuracy: float
    low: float
    high: float
    n: int  # graded answers
    no_answer: float  # share of all answers
    truncated: float
    ungradable: float
    tokens: float  # mean length of an answer
    parts: Mapping[str, float] = field(default_factory=dict)  # means of the reward's parts: what weighs nothing, too


def held_out_problems(source: ProblemSource, count: int) -> list[Problem]:
    """The first `count` held-out problems. Raises UserError when the source has fewer."""
    try:
        return [source.problem("heldout", i) for i in range(count)]
    except ValueError as error:
        raise UserError(
            f"eval.problems = {count} is more than there are: {error}",
            "a held-out problem asked twice would make the interval too narrow",
            "ask for fewer, or change data.options",
        ) from error


@dataclass(frozen=True, kw_only=True)
class Exam:
    """Problems that a policy is asked again and again while it trains, and who judges its answers."""

    name: str  # HELDOUT, or a published set's
    problems: tuple[Problem, ...]
    judges: Judges

    def take(self, crew: Crew, temperature: float) -> list[ScoredGroup]:
        """Judged answers of the policy the samplers hold, with the same sampling seed at every call."""
        groups = crew.sample(self.problems, 1, temperature, derive(0, self.name))
        return crew.score_by(self.judges, groups)

    def numbers(self, found: Accuracy) -> dict[str, float]:
        """As metrics: eval/accuracy for the held-out problems, eval/NAME/accuracy for a published set."""
        place = "eval" if self.name == HELDOUT else f"eval/{self.name}"
        values = {key: value for key, value in asdict(found).items() if key != "parts"} | dict(found.parts)
        return {f"{place}/{key}": float(value) for key, value in values.items()}


@contextmanager
def published_exams(names: Sequence[str], workers: int, deadline_s: float, log: Path) -> Iterator[list[Exam]]:
    """An exam for each published set, with judges of its own. Raises UserError for an unknown or missing set."""
    exams: list[Exam] = []
    try:
        for name in names:
            corpus = catalogue.corpus(name)
            problems = tuple(load.problems(corpus))
            exams.append(
                Exam(name=name, problems=problems, judges=JudgePool([judge_of(corpus)], workers, deadline_s, log))
            )
        yield exams
    finally:
        for exam in exams:
            exam.judges.close()


def judge_of(corpus: Corpus) -> RewardSpec:
    """The judge that fits a published set, as strict as in training."""
    return RewardSpec(fn=corpus.reward, options={} if corpus.kind == "code" else {"extract": "either"})


def accuracy(scored: Sequence[ScoredGroup]) -> Accuracy:
    """Summary of judged answers; ungradable ones are left out of the accuracy and reported."""
    from scipy.stats import binomtest  # here, because it takes a second to import

    verdicts = Counter(score.verdict for group in scored for score in group.scores_G)
    completions = [c for group in scored for c in group.group.completions_G]
    total = verdicts.total()
    graded = total - verdicts[Verdict.UNGRADABLE]
    right = verdicts[Verdict.CORRECT]
    interval = binomtest(right, max(1, graded)).proportion_ci(method="wilson")
    return Accuracy(
        accuracy=right / max(1, graded),
        low=float(interval.low),
        high=float(interval.high),
        n=graded,
        no_answer=verdicts[Verdict.NO_ANSWER] / total,
        truncated=sum(c.finish == "length" for c in completions) / total,
        ungradable=verdicts[Verdict.UNGRADABLE] / total,
        tokens=sum(len(c.token_ids_T) for c in completions) / total,
        parts=of_parts([s for group in scored for s in group.scores_G if s.verdict is not Verdict.UNGRADABLE]),
    )
