"""What the two splits of MBPP have in common: one file, one kind of row."""

from __future__ import annotations

from r1rl.corpus.code import mbpp_tests
from r1rl.corpus.definition import Hub, Offline, Row
from r1rl.types import Problem

HUB = Hub(
    repo="google-research-datasets/mbpp",
    revision="4bb6404fdc6cacfda99d4ac4205087b89d32030c",
    configs=("full",),
    split="train+test+validation+prompt",
    rows=974,
)
OFFLINE = Offline(
    file="mbpp.jsonl", rows=974, sha256="95b76fc7c0e5875e8c6ea2843699072e2bb303f8b8ced0912b4bc5f0e1caabfe"
)


def row(index: int, row: Row) -> Row:
    """A row of the hub in the layout."""
    return {
        "id": f"mbpp/{row['task_id']}",
        "problem": row["text"],
        "answer": row["code"],
        "test_list": row["test_list"],
        "test_setup_code": row["test_setup_code"],
    }


def task(row: Row) -> int:
    """The number of a task, which tells its split.

    >>> task({"id": "mbpp/11"})
    11
    """
    return int(row["id"].partition("/")[2])


def problem(row: Row) -> Problem:
    """A row of the layout as a problem."""
    solution = row["answer"].replace("\r\n", "\n")
    asserts = "\n".join(row["test_list"])
    return Problem(
        id=row["id"],
        question=f"{row['problem']}\nAnswer with one ```python block. Your code should pass these tests:\n\n{asserts}",
        gold="",
        meta={"tests": mbpp_tests(row["test_list"], row["test_setup_code"], solution), "solution": solution},
    )
