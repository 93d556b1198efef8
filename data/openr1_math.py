"""OpenR1-Math-220k: R1's own reasoning about NuminaMath problems, for distillation. Any file in its layout will do.

A row holds several traces, of which those count that are complete and that a verifier found right; they are in
`meta["traces"]`, written as R1 writes: `<think>…</think>` and an answer. A row without one is listed as bad. Many rows
are proofs or have no gold answer, so bad rows are dropped unless you say otherwise; `r1rl data verify` lists them.
"""

from collections.abc import Sequence

from r1rl.corpus.definition import Corpus, Hub, Row
from r1rl.corpus.source import training_source
from r1rl.types import Problem, ProblemSource


def _row(index: int, row: Row) -> Row:
    return {
        "id": f"openr1_math/{index}",
        "problem": row["problem"],
        "answer": row["answer"],
        "source": row["source"],
        "traces": _right(row),
    }


def _right(row: Row) -> list[str]:
    """The traces that are whole and were found right by math-verify or, where that gave up, by a Llama."""
    whole = row["is_reasoning_complete"]
    by_rule, by_model = (row.get(f"correctness_{judge}") or [False] * len(whole) for judge in ("math_verify", "llama"))
    verdicts: Sequence[tuple[str, bool]] = [
        (text, complete and (rule or model))
        for text, complete, rule, model in zip(row["generations"], whole, by_rule, by_model, strict=True)
    ]
    return [text for text, right in verdicts if right]


CORPUS = Corpus(
    name="openr1_math",
    title="OpenR1-Math-220k, default",
    licence="Apache-2.0",
    kind="traces",
    reward="math:correct",
    hub=Hub(
        repo="open-r1/OpenR1-Math-220k",
        revision="e4e141ec9dea9f8326f4d347be56105859b2bd68",
        configs=("default",),
        rows=93_733,
    ),
    row=_row,
)


def source(*, seed: int, heldout: float = 0.02, bad_rows: str = "drop") -> ProblemSource:
    """`worked` gives a problem with its first trace. See r1rl.corpus.source for `heldout` and `bad_rows`."""
    return training_source(CORPUS, seed=seed, heldout=heldout, bad_rows=bad_rows, worked=_first)


def _first(problem: Problem) -> str:
    traces = problem.meta["traces"]
    assert isinstance(traces, list | tuple)
    return str(traces[0])
