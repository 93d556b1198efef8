"""AIME 2024, both papers: thirty problems whose answers are whole numbers from 0 to 999.

Copies of it differ: one that is widely used has 480 for problem 8 of the first paper, where 197 is right.
"""

from r1rl.corpus.definition import Corpus, Hub, Offline
from r1rl.corpus.fields import aime_row
from r1rl.corpus.load import problems as load
from r1rl.types import Problem

CORPUS = Corpus(
    name="aime2024",
    title="AIME 2024",
    licence="problems (c) MAA",
    kind="math",
    reward="math:correct",
    hub=Hub(repo="HuggingFaceH4/aime_2024", revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a", rows=30),
    offline=Offline(
        file="aime2024.jsonl", rows=30, sha256="91d04c812a4999f054781c552b32ff6c9fe65e4d2e27770c5bc02ba5d80b7be4"
    ),
    row=aime_row,
)


def problems() -> list[Problem]:
    """All problems. For evaluation only, so there is no `source`."""
    return load(CORPUS)
