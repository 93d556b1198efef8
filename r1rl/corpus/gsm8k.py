"""GSM8K, grade-school word problems (Cobbe et al., arXiv:2110.14168), split by split."""

from __future__ import annotations

from collections.abc import Callable

from r1rl.corpus.definition import Corpus, Hub, Offline, Row


def gsm8k(split: str, *, rows: int, sha256: str) -> Corpus:
    """The definition of a split."""
    name = f"gsm8k_{split}"
    return Corpus(
        name=name,
        title=f"GSM8K, {split}",
        licence="MIT",
        kind="math",
        reward="math:correct",
        hub=Hub(
            repo="openai/gsm8k",
            revision="740312add88f781978c0658806c59bc2815b9866",
            configs=("main",),
            split=split,
            rows=rows,
        ),
        offline=Offline(file=f"{name}.jsonl", rows=rows, sha256=sha256),
        row=row(split),
    )


def row(split: str) -> Callable[[int, Row], Row]:
    """A row of the hub in the layout: the gold answer stands behind #### in the solution.

    >>> row("test")(3, {"question": "How much?", "answer": "1000 + 234 = 1234\\n#### 1,234"})
    {'id': 'gsm8k/test/3', 'problem': 'How much?', 'answer': '1234', 'solution': '1000 + 234 = 1234\\n#### 1,234'}
    """

    def row(index: int, row: Row) -> Row:
        gold = row["answer"].rpartition("####")[2].strip().replace(",", "")
        return {"id": f"gsm8k/{split}/{index}", "problem": row["question"], "answer": gold, "solution": row["answer"]}

    return row
