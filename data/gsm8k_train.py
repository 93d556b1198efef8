"""GSM8K, the train split."""

from r1rl.corpus.gsm8k import gsm8k
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource

CORPUS = gsm8k("train", rows=7473, sha256="cd8515b37eb5bbec5c07dcbffef5ab01eaf0f8578e3c99ec3e35964168f145c7")


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
