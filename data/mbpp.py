"""MBPP: short Python tasks (Austin et al., arXiv:2108.07732); here its test split, the 500 tasks 11 to 510.

The question shows the asserts, as the paper's does: without them nobody can know what the function is to be called.
"""

from r1rl.corpus.definition import Corpus
from r1rl.corpus.load import problems as load
from r1rl.corpus.mbpp import HUB, OFFLINE, problem, row, task
from r1rl.types import Problem

CORPUS = Corpus(
    name="mbpp",
    title="MBPP, test",
    licence="CC-BY-4.0",
    kind="code",
    reward="code:correct",
    hub=HUB,
    offline=OFFLINE,
    row=row,
    keep=lambda row: 11 <= task(row) <= 510,
    count=500,
    problem=problem,
    known_bad={"mbpp/367": "tests: they need a class Node that is defined nowhere"},
)


def problems() -> list[Problem]:
    """The test split."""
    return load(CORPUS)
