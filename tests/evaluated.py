"""Small made-up evaluations for the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from r1rl.evaluation.attempts import Attempt, SampleLog
from r1rl.evaluation.results import SAMPLES, DefinedBy, Results, Sampling, write_results
from r1rl.evaluation.summary import summarise
from r1rl.types import Verdict

LETTERS = {"+": Verdict.CORRECT, "-": Verdict.WRONG, "0": Verdict.NO_ANSWER, "?": Verdict.UNGRADABLE}
DEFINED = DefinedBy(
    data_sha="d1",
    prompt_sha="p1",
    template="plain",
    sampling=Sampling(temperature=0.6, top_p=0.95, max_tokens=1024),
    verifier="math 1",
    model="runs/a",
    model_digest="m1",
    seeds=(0,),
    dtype="float32",
    hardware="1 CPU",
)
GREEDY = replace(DEFINED, sampling=Sampling(temperature=0.0, top_p=1.0, max_tokens=1024))


def attempt(name: str = "s/1", sample: int = 0, letter: str = "+", **changes: object) -> Attempt:
    """A sample of verdict + - 0 or ?; a right one says 1, a wrong one 2."""
    verdict = LETTERS[letter]
    plain = Attempt(
        id=name,
        sample=sample,
        seed=1000 + sample,
        question="1 + 0?",
        answer="1",
        response=f"I say {letter}",
        verdict=verdict,
        detail="",
        lenient={"+": Verdict.CORRECT, "-": Verdict.WRONG, "0": Verdict.CORRECT, "?": Verdict.UNGRADABLE}[letter],
        said={"+": "1", "-": "2", "0": None, "?": "3"}[letter],
        tokens=10 + sample,
        finish="length" if letter == "0" else "stop",
        level=None,
        subject=None,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def attempts(rows: Mapping[str, str]) -> list[Attempt]:
    """{"s/1": "+-0?"}: the verdicts of a problem's samples, in order."""
    return [attempt(name, i, letter) for name, letters in rows.items() for i, letter in enumerate(letters)]


def suite(
    rows: Sequence[str], defined_by: DefinedBy = DEFINED, name: str = "aime2024"
) -> tuple[Results, list[Attempt]]:
    """A whole evaluation of problems with these verdicts."""
    samples = attempts({f"{name}/{i}": letters for i, letters in enumerate(rows)})
    ids = list(dict.fromkeys(a.id for a in samples))
    found = summarise(name, samples, ids, len(rows[0]), same=lambda a, b: a == b, defined_by=defined_by, seconds=2.0)
    return found, samples


def write(folder: Path, rows: Sequence[str], defined_by: DefinedBy = DEFINED, name: str = "aime2024") -> Path:
    """The evaluation in a folder, as `r1rl eval` leaves it."""
    results, samples = suite(rows, defined_by, name)
    folder.mkdir(parents=True)
    log = SampleLog(folder / SAMPLES)
    log.write(samples)
    log.close()
    write_results(folder, results)
    return folder
