"""MBPP, the train split (Austin et al., arXiv:2108.07732): the 374 tasks 601 to 974."""

from r1rl.corpus.definition import Corpus
from r1rl.corpus.load import problems as load
from r1rl.corpus.mbpp import HUB, OFFLINE, problem, row, task
from r1rl.corpus.source import training_source
from r1rl.types import Problem, ProblemSource

CORPUS = Corpus(
    name="mbpp_train",
    title="MBPP, train",
    licence="CC-BY-4.0",
    kind="code",
    reward="code:correct",
    hub=HUB,
    offline=OFFLINE,
    row=row,
    keep=lambda row: 601 <= task(row) <= 974,
    count=374,
    problem=problem,
    known_bad={"mbpp/927": "tests: they need a class Node that is defined nowhere"},
)


def problems() -> list[Problem]:
    """All problems."""
    return load(CORPUS)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
