"""Five thousand problems of DeepMath-103K with their answers, as the ROLL project ships them: small enough to start."""

from r1rl.corpus.definition import Corpus, Offline
from r1rl.corpus.source import training_source
from r1rl.types import ProblemSource

CORPUS = Corpus(
    name="deepmath_5k",
    title="DeepMath, 5k of ROLL",
    licence="Apache-2.0 (repository), MIT (DeepMath)",
    kind="math",
    reward="math:correct",
    offline=Offline(
        file="deepmath_roll_5k.jsonl",
        rows=4994,
        sha256="c57c0e7aa6aa24fbcaa95953c501184094f65a67a825131c1d4f0ee4752a5614",
    ),
    known_bad={
        "deepmath_roll/825": "question: a backslash is missing before '\\rho('",
        "deepmath_roll/921": "question: a backslash is missing before '\\text'",
    },
)


def source(*, seed: int, heldout: float = 0.05, bad_rows: str = "refuse") -> ProblemSource:
    """See r1rl.corpus.source: the share `heldout` is never trained on, `bad_rows` may be "refuse" or "drop"."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows)
