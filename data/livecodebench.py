"""LiveCodeBench: contest problems by date, here release 5, until January 2025 (Jain et al., arXiv:2403.07974).

Read from the files of the hub: the set's own loading script is one that `datasets` no longer runs. Its hidden tests are
pickles, which r1rl.corpus.code opens without running anything. Each problem's `meta["date"]` says when it was set:
report a window that begins after the model's training data end.
"""

import json

from r1rl.corpus.code import hidden_cases, livecodebench_tests
from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.types import Problem

ASKED = "Answer with one ```python block that holds the whole program."
READS = "It reads from standard input and prints to standard output."


def _row(index: int, row: Row) -> Row:
    cases = json.loads(row["public_test_cases"]) + hidden_cases(row["private_test_cases"])
    function = json.loads(row["metadata"] or "{}").get("func_name")
    return {
        "id": f"livecodebench/{row['question_id']}",
        "problem": row["question_content"],
        "answer": None,
        "starter": row["starter_code"] or "",
        "date": str(row["contest_date"]),
        "level": row["difficulty"],
        "platform": row["platform"],
        "tests": livecodebench_tests(cases, function),
    }


def _problem(row: Row) -> Problem:
    starter = row["starter"].strip()
    asked = f"{ASKED} It starts like this:\n\n```python\n{starter}\n```" if starter else f"{ASKED} {READS}"
    meta = {key: row[key] for key in ("tests", "date", "level", "platform")}
    return Problem(id=row["id"], question=f"{row['problem'].strip()}\n\n{asked}", gold="", meta=meta)


CORPUS = Corpus(
    name="livecodebench",
    title="LiveCodeBench, release 5",
    licence="CC (no variant named), problems of third parties",
    kind="code",
    reward="code:correct",
    hub=Hub(
        repo="livecodebench/code_generation_lite",
        revision="0fe84c3912ea0c4d4a78037083943e8f0c4dd505",
        split="test",
        files=("test.jsonl", "test2.jsonl", "test3.jsonl", "test4.jsonl", "test5.jsonl"),
        rows=880,
    ),
    row=_row,
    problem=_problem,
)
