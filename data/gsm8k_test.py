"""GSM8K, the test split: grade-school word problems (Cobbe et al., arXiv:2110.14168)."""

from r1rl.corpus.definition import Corpus, Hub, Offline
from r1rl.corpus.fields import gsm8k_row
from r1rl.corpus.load import problems as load
from r1rl.types import Problem

CORPUS = Corpus(
    name="gsm8k_test",
    title="GSM8K, test",
    licence="MIT",
    kind="math",
    reward="math:correct",
    hub=Hub(
        repo="openai/gsm8k",
        revision="740312add88f781978c0658806c59bc2815b9866",
        configs=("main",),
        split="test",
        rows=1319,
    ),
    offline=Offline(
        file="gsm8k_test.jsonl", rows=1319, sha256="ced8d53636bd9bb519c932ee83734056a2574367867ba26ab7b937918e36078f"
    ),
    row=gsm8k_row("test"),
)


def problems() -> list[Problem]:
    """All problems. For evaluation only, so there is no `source`."""
    return load(CORPUS)
