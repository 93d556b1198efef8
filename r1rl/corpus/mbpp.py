"""MBPP, short Python tasks (Austin et al., arXiv:2108.07732): one file, of which a split is a range of tasks."""

from __future__ import annotations

from collections.abc import Mapping

from r1rl.corpus.code import mbpp_tests
from r1rl.corpus.definition import Corpus, Hub, Offline, Row
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


def mbpp(name: str, split: str, *, tasks: range, known_bad: Mapping[str, str]) -> Corpus:
    """The definition of a split."""
    return Corpus(
        name=name,
        title=f"MBPP, {split}",
        licence="CC-BY-4.0",
        kind="code",
        reward="code:correct",
        hub=HUB,
        offline=OFFLINE,
        row=row,
        keep=lambda row: task(row) in tasks,
        count=len(tasks),
        problem=problem,
        known_bad=known_bad,
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
