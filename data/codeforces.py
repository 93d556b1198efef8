"""Four hundred problems of Codeforces with some tests each, as the rllm project ships them. Offline only."""

from r1rl.corpus.code import stdio
from r1rl.corpus.definition import Corpus, Offline, Row
from r1rl.corpus.source import training_source
from r1rl.types import Problem, ProblemSource

ASKED = "Answer with one ```python block that holds the whole program. It reads standard input and prints the answer."


def _problem(row: Row) -> Problem:
    question = row["problem"].partition("\nTags:")[0].strip()  # tags and limits are hints that no contestant has
    return Problem(id=row["id"], question=f"{question}\n\n{ASKED}", gold="", meta={"tests": stdio(row["tests"])})


CORPUS = Corpus(
    name="codeforces",
    title="Codeforces, 408 of rllm",
    licence="MIT (repository), problems of third parties",
    kind="code",
    reward="code:correct",
    offline=Offline(
        file="rllm_codeforces_test.jsonl",
        rows=408,
        sha256="190c8f61e4dde42c29832e708529118b303424e0b90d700b8a2034a79995a4a8",
    ),
    problem=_problem,
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
