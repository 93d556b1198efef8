"""GPQA-Diamond: 198 questions of physics, chemistry and biology with four choices (Rein et al., arXiv:2311.12022).

The set is gated, and its authors ask that no question be shown in public: do not put it into logs that others can read.
On the hub the right choice always comes first, so the choices are shuffled, for each question by its own id: the order
is the same in every run, and no letter is right more often than others.
"""

import random

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.types import Problem

CHOICES = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def _row(index: int, row: Row) -> Row:
    record = str(row["Record ID"])
    choices = [str(row[name]).strip() for name in CHOICES]
    right = choices[0]
    random.Random(f"gpqa/{record}").shuffle(choices)
    return {
        "id": f"gpqa/{record}",
        "problem": str(row["Question"]).strip(),
        "answer": "ABCD"[choices.index(right)],
        "choices": choices,
        "subject": row.get("High-level domain"),
    }


def _problem(row: Row) -> Problem:
    lettered = "\n".join(f"({letter}) {choice}" for letter, choice in zip("ABCD", row["choices"], strict=True))
    meta = {"choices": row["choices"], "subject": row.get("subject")}
    return Problem(id=row["id"], question=f"{row['problem']}\n\n{lettered}", gold=row["answer"], meta=meta)


CORPUS = Corpus(
    name="gpqa",
    title="GPQA-Diamond",
    licence="CC-BY-4.0, gated",
    kind="choice",
    reward="choice:correct",
    hub=Hub(
        repo="Idavidrein/gpqa",
        revision="633f5ee89ab8ad4522a9f850766b73f62147ffdd",
        configs=("gpqa_diamond",),
        rows=198,
        gated=True,
    ),
    row=_row,
    problem=_problem,
)
