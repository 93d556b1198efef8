"""AMC 12 of 2022 and 2023, the 83 problems of AI-MO's validation set: rewritten so that the answer is a number."""

from r1rl.corpus.definition import Corpus, Hub, Row


def _row(index: int, row: Row) -> Row:
    answer = row["answer"]  # 142.0 on the hub: "142.0" is no answer that anybody writes
    text = str(int(answer)) if isinstance(answer, float) and answer.is_integer() else str(answer)
    return {**row, "id": f"amc/{row['id']}", "answer": text}


CORPUS = Corpus(
    name="amc",
    title="AMC 12, 2022 and 2023",
    licence="Apache-2.0 (compilation); problems (c) MAA",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="AI-MO/aimo-validation-amc",
        revision="69d78a4a2c840e82d69af6bc742bda09005f6316",
        rows=83,
    ),
    row=_row,
)
