"""AIME, year by year: thirty problems from two papers, whose answers are whole numbers from 0 to 999."""

from __future__ import annotations

import re

from r1rl.corpus.definition import Corpus, Hub, Offline, Row

PLACE = re.compile(r"(\d{4})_AIME_(II?)_Problems/Problem_(\d+)")
PROBLEMS = 30


def aime(year: int, *, repo: str, revision: str, sha256: str) -> Corpus:
    """The definition of a year."""
    name = f"aime{year}"
    return Corpus(
        name=name,
        title=f"AIME {year}",
        licence="problems (c) MAA",
        kind="math",
        reward="math:correct",
        hub=Hub(repo=repo, revision=revision, rows=PROBLEMS),
        offline=Offline(file=f"{name}.jsonl", rows=PROBLEMS, sha256=sha256),
        row=row,
    )


def row(index: int, row: Row) -> Row:
    """A row of the hub in the layout. Year and number come from the address of the problem: ids of copies differ.

    >>> url = "https://artofproblemsolving.com/wiki/index.php/2024_AIME_I_Problems/Problem_8"
    >>> row(0, {"id": 67, "problem": "…", "answer": "197", "url": url})["id"]
    'aime2024/I-8'
    """
    found = PLACE.search(row.get("url") or "")
    place = f"aime{found[1]}/{found[2]}-{found[3]}" if found else f"aime/{row['id']}"
    return {"id": place, "problem": row["problem"], "answer": str(row["answer"]), "url": row.get("url")}
