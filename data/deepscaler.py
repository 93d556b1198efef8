"""DeepScaleR: 40,000 competition problems with short answers (AIME to 2023, AMC to 2022, Omni-MATH, STILL)."""

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource


def _row(index: int, row: Row) -> Row:
    return {"id": f"deepscaler/{index}", **row}


CORPUS = Corpus(
    name="deepscaler",
    title="DeepScaleR-Preview",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="agentica-org/DeepScaleR-Preview-Dataset",
        revision="b6ae8c60f5c1f2b594e2140b91c49c9ad0949e29",
        rows=None,  # its card says about 40,000
    ),
    row=_row,
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
