"""DAPO-Math-17k: problems whose answers were made whole numbers (Yu et al., arXiv:2503.14476).

On the hub each of its 17,917 problems stands a hundred times, and each is wrapped into the instruction of one template.
"""

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource

BEFORE = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\n"
)
AFTER = '\n\nRemember to put your answer on its own line after "Answer:".'


def _row(index: int, row: Row) -> Row:
    return {
        "id": f"dapo17k/{row['extra_info']['index']}",
        "problem": row["prompt"][0]["content"].removeprefix(BEFORE).removesuffix(AFTER).strip(),
        "answer": row["reward_model"]["ground_truth"],
    }


CORPUS = Corpus(
    name="dapo17k",
    title="DAPO-Math-17k",
    licence="Apache-2.0",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="BytedTsinghua-SIA/DAPO-Math-17k",
        revision="65877096c24ffa7abc4e4fa5edb95cf3413a5674",
        rows=1_791_700,
    ),
    row=_row,
    unique=True,
    count=17_917,
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
