"""MATH-500: five hundred problems of MATH's test split, chosen for PRM800K (Lightman et al., arXiv:2305.20050)."""

from r1rl.corpus.definition import Corpus, Hub, Offline, Row


def _row(index: int, row: Row) -> Row:
    place = row["unique_id"].removeprefix("test/").removesuffix(".json")
    return {**row, "id": f"math500/{place}"}


CORPUS = Corpus(
    name="math500",
    title="MATH-500",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="HuggingFaceH4/MATH-500",
        revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        split="test",
        rows=500,
    ),
    offline=Offline(
        file="math500.jsonl", rows=500, sha256="90b125e21742811979f3806a5bc4a4ffd2c706f252d635c28031171ee6e25f65"
    ),
    row=_row,
)
