"""OlympiadBench, its English competition problems in text with a final answer (He et al., arXiv:2402.14008).

Answers are lists on the hub, of one text each; a text may hold several values, separated by commas. Problems that ask
for a proof are in other configs and left out.
"""

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.fields import one_answer


def _row(index: int, row: Row) -> Row:
    return {
        "id": f"olympiadbench/{row['id']}",
        "problem": row["question"],
        "answer": one_answer(row["final_answer"]),
        "subject": row.get("subfield"),
        "unit": row.get("unit"),
    }


CORPUS = Corpus(
    name="olympiadbench",
    title="OlympiadBench (maths, English, text)",
    licence="Apache-2.0",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="Hothan/OlympiadBench",
        revision="91184b52131e7fc9455fef848035173aea8cc01a",
        configs=("OE_TO_maths_en_COMP",),
        rows=674,
    ),
    row=_row,
)
