"""Open-Reasoner-Zero: the extended collection of 72,000 problems (arXiv:2503.24290).

A row is a conversation of two turns; of the second only the gold answer counts.
"""

from typing import cast

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource


def _row(index: int, row: Row) -> Row:
    # In the file a row is a list of turns; copies of it as tables have the columns "0" and "1".
    asked, answered = row.values() if isinstance(row, dict) else cast(list[Row], row)
    return {"id": f"orz/{index}", "problem": asked["value"], "answer": answered["ground_truth"]["value"]}


CORPUS = Corpus(
    name="orz",
    title="Open-Reasoner-Zero, 72k extended",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="Open-Reasoner-Zero/orz_math_72k_collection_extended",
        revision="b5c5890bcf04853531d4f2aeeef18fb7af6cabd1",
        files=("orz_math_72k_collection_extended.json",),  # rows are lists, which `datasets` does not read
        rows=None,  # about 72,000
    ),
    row=_row,
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
