"""DeepMath-103K: hard problems, checked against benchmarks by its authors (He et al., arXiv:2504.11456).

Left out: its three solutions by R1 of each problem, which make ten times the rest.
"""

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource


def _row(index: int, row: Row) -> Row:
    return {
        "id": f"deepmath/{index}",
        "problem": row["question"],
        "answer": row["final_answer"],
        "level": row["difficulty"],
        "topic": row["topic"],
    }


CORPUS = Corpus(
    name="deepmath",
    title="DeepMath-103K",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="zwhe99/DeepMath-103K",
        revision="5cf055d1fe3d7a2eb19719ac020211469736ae44",
        rows=103_022,
    ),
    row=_row,
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
