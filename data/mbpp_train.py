"""MBPP, its train split: the 374 tasks 601 to 974."""

from r1rl.corpus.mbpp import mbpp
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource

CORPUS = mbpp(
    "mbpp_train",
    "train",
    tasks=range(601, 975),
    known_bad={"mbpp/927": "tests: they need a class Node that is defined nowhere"},
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
