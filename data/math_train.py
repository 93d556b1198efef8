"""MATH, the train split (Hendrycks et al., arXiv:2103.03874): by default levels 3 to 5, as most recipes take it.

Offline it is the copy that the rllm project ships, which lacks 26 of the 7,500 rows. The test split stays out: MATH-500
is a part of it. For the same reason there is no "MATH 12k" here: it is the train split and all of the test split but
MATH-500, so a gain on other MATH problems would say nothing.
"""

from r1rl.corpus.definition import Corpus, Hub, Offline, Row
from r1rl.corpus.fields import last_box
from r1rl.corpus.source import training_source
from r1rl.types import Problem, ProblemSource

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)


def _row(index: int, row: Row) -> Row:
    level = row["level"].removeprefix("Level ")  # two rows say "Level ?"
    return {
        "id": f"math_train/{index}",
        "problem": row["problem"],
        "answer": last_box(row["solution"]),
        "level": float(level) if level.isdigit() else 0.0,
        "subject": row["config"],
        "solution": row["solution"],
    }


CORPUS = Corpus(
    name="math_train",
    title="MATH, train",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="EleutherAI/hendrycks_math",
        revision="21a5633873b6a120296cce3e2df9d5550074f4a3",
        configs=SUBJECTS,
        rows=7500,
    ),
    offline=Offline(
        file="rllm_math_train.jsonl",
        rows=7474,
        sha256="ee9dce9653abb8ef10d38ccff2a447f15a340c660e68acd1daa6952062d88297",
    ),
    row=_row,
    known_bad={
        "rllm_math_train/886": "gold answer: 'None' stands for no answer",
        "rllm_math_train/1009": "gold answer: 'None' stands for no answer",
        "rllm_math_train/5319": "question: a backslash is missing before '\\text'",
        "rllm_math_train/5328": "gold answer: empty",
        "rllm_math_train/5330": "gold answer: empty",
    },
)


def source(
    *, seed: int, min_level: int = 3, max_level: int = 5, heldout: float = 0.05, bad_rows: str = "refuse"
) -> ProblemSource:
    """The problems of some levels. See r1rl.corpus.source for `heldout` and `bad_rows`."""
    for name, level in (("min_level", min_level), ("max_level", max_level)):
        if not isinstance(level, int) or not 1 <= level <= 5:
            raise ValueError(f"math_train: {name} must be a whole number from 1 to 5, not {level!r}")
    if min_level > max_level:
        raise ValueError(f"math_train: min_level must not be above max_level, but {min_level} is above {max_level}")

    def wanted(problem: Problem) -> bool:
        return min_level <= float(str(problem.meta["level"])) <= max_level

    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows, keep=wanted)
