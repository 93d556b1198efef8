"""GSM8K, the train split: grade-school word problems (Cobbe et al., arXiv:2110.14168)."""

from r1rl.corpus.definition import Corpus, Hub, Offline
from r1rl.corpus.fields import gsm8k_row
from r1rl.corpus.load import problems as load
from r1rl.corpus.source import training_source
from r1rl.types import Problem, ProblemSource

CORPUS = Corpus(
    name="gsm8k_train",
    title="GSM8K, train",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="openai/gsm8k",
        revision="740312add88f781978c0658806c59bc2815b9866",
        configs=("main",),
        split="train",
        rows=7473,
    ),
    offline=Offline(
        file="gsm8k_train.jsonl", rows=7473, sha256="cd8515b37eb5bbec5c07dcbffef5ab01eaf0f8578e3c99ec3e35964168f145c7"
    ),
    row=gsm8k_row("train"),
)


def problems() -> list[Problem]:
    """All problems."""
    return load(CORPUS)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
