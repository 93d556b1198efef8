r"""AIME 2025, both papers: thirty problems whose answers are whole numbers from 0 to 999.

Copies of it differ: in one, backslashes were eaten ("\\frac" became a form feed and "rac").
"""

from r1rl.corpus.definition import Corpus, Hub, Offline
from r1rl.corpus.fields import aime_row
from r1rl.corpus.load import problems as load
from r1rl.types import Problem

CORPUS = Corpus(
    name="aime2025",
    title="AIME 2025",
    licence="problems (c) MAA",
    kind="math",
    reward="math:correct",
    hub=Hub(repo="yentinglin/aime_2025", revision="6f71d77b0b89b9dabe07ab466c51df33f514df7f", rows=30),
    offline=Offline(
        file="aime2025.jsonl", rows=30, sha256="dd44b1a985ddce380ffc0b90df33e2a3e199ea4603aa67bf6d1f6e11990a3d43"
    ),
    row=aime_row,
)


def problems() -> list[Problem]:
    """All problems. For evaluation only, so there is no `source`."""
    return load(CORPUS)
