"""HumanEval: 164 functions to complete from their head and description (Chen et al., arXiv:2107.03374)."""

from r1rl.corpus.code import humaneval_tests
from r1rl.corpus.definition import Corpus, Hub, Offline, Row
from r1rl.types import Problem

ASKED = "Complete this Python function. Answer with one ```python block that holds the whole program.\n\n"


def _row(index: int, row: Row) -> Row:
    return {
        "id": row["task_id"],
        "problem": row["prompt"],
        "answer": row["canonical_solution"],
        "entry_point": row["entry_point"],
        "test": row["test"],
    }


def _problem(row: Row) -> Problem:
    meta = {
        "tests": humaneval_tests(row["problem"], row["test"], row["entry_point"]),
        "solution": row["problem"] + row["answer"],
    }
    return Problem(id=row["id"], question=f"{ASKED}```python\n{row['problem']}```", gold="", meta=meta)


CORPUS = Corpus(
    name="humaneval",
    title="HumanEval",
    licence="MIT",
    kind="code",
    reward="code:correct",
    hub=Hub(
        repo="openai/openai_humaneval",
        revision="7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544",
        split="test",
        rows=164,
    ),
    offline=Offline(
        file="humaneval.jsonl", rows=164, sha256="07965d4336016a63759dcd6f3eb828fd14a7399e76a5c9a7e2cbb186618c4f5b"
    ),
    row=_row,
    problem=_problem,
)
