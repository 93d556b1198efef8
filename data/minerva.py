"""Minerva: 272 questions of MIT's OpenCourseWare in the sciences (Lewkowycz et al., arXiv:2206.14858)."""

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.fields import one_answer


def _row(index: int, row: Row) -> Row:
    return {"id": f"minerva/{index}", "problem": row["question"], "answer": one_answer(row["answer"])}


CORPUS = Corpus(
    name="minerva",
    title="Minerva (OCWCourses)",
    licence="see the hub; the courses are CC BY-NC-SA",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="math-ai/minervamath",
        revision=None,  # no commit is known to us from a source that could be checked
        split="test",
        rows=272,
    ),
    row=_row,
)
