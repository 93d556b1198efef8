"""Evaluations as they lie in folders, and which of them may be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from r1rl.errors import UserError
from r1rl.evaluation.attempts import Attempt, complete, leniently, read_attempts
from r1rl.evaluation.estimates import Tally, average, tallies
from r1rl.evaluation.results import SAMPLES, DefinedBy, Results, Sampling, read_results

MUST_AGREE = {
    "data_sha": "other problems or other gold answers are another exam",
    "prompt_sha": "another prompt moves the number by itself",
    "verifier": "the stricter judge would make its run look worse: grade one of them again",
}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A run's results of one suite, with the tally of every problem.

    >>> Evaluation(name="b", results=None, suite={"aime2024/I-1": Tally(right=3, graded=4, ungradable=0)}).name
    'b'
    """

    name: str
    results: Results
    suite: Mapping[str, Tally]


def load_evaluation(name: str, folder: Path, lenient: bool = False) -> Evaluation:
    """A suite's folder, with the tallies of its strict or of its lenient verdicts.

    Raises UserError or RunError unless its samples are complete and give its results.
    """
    results = read_results(folder)
    if not (folder / SAMPLES).is_file():
        raise UserError(
            f"there is no {folder / SAMPLES}", "a paired test needs each problem's answers", "copy it there"
        )
    keys: list[tuple[str, int]] = []

    def noted(attempt: Attempt) -> Attempt:
        keys.append(attempt.key)
        return attempt

    attempts = map(noted, read_attempts(folder / SAMPLES))
    suite = tallies(leniently(attempts) if lenient else attempts)
    if lenient and not suite:
        raise UserError(
            f"{results.suite} has no lenient reading", "its answers have one form only", "leave out --lenient"
        )
    complete(keys, list(suite), results.k)
    found, said = average(suite.values()), results.lenient if lenient else results.average
    same_average = found == said or abs((found or 0) - (said or 0)) < 1e-9
    if len(suite) != results.n or not same_average:
        raise UserError(
            f"{folder}: its samples give {found} over {len(suite)} problems, its results say {said} over {results.n}",
            "one of the two files is of another evaluation",
            "evaluate again into a new folder",
        )
    return Evaluation(name=name, results=results, suite=suite)


def refuse_incomparable(a: Evaluation, b: Evaluation) -> None:
    """Raises UserError, with all that differs, unless a difference of the two would be one between the models."""
    x, y = a.results, b.results
    reasons = [
        f"{key} is {getattr(x.defined_by, key)} and {getattr(y.defined_by, key)}: {why}"
        for key, why in MUST_AGREE.items()
        if getattr(x.defined_by, key) != getattr(y.defined_by, key)
    ]
    if x.suite != y.suite:
        reasons.append(f"the suites are {x.suite} and {y.suite}")
    if only := sorted(a.suite.keys() ^ b.suite.keys()):
        reasons.append(f"{len(only)} problems are in one run only, such as {only[0]}")
    if x.defined_by.sampling.greedy != y.defined_by.sampling.greedy:
        reasons.append(f"one is greedy: avg@{x.k} and avg@{y.k} estimate different things")
    if reasons:
        raise UserError(
            f"{a.name} and {b.name} cannot be compared: " + "; ".join(reasons),
            "a difference between them would not be one between the models",
            "evaluate both in the same way",
        )


def notes(a: Results, b: Results) -> tuple[str, ...]:
    """What differs between two runs that may still be compared."""
    found = [
        f"{field.name}: {old} and {new}"
        for kind, x, y in (
            (DefinedBy, a.defined_by, b.defined_by),
            (Sampling, a.defined_by.sampling, b.defined_by.sampling),
        )
        for field in fields(kind)
        if field.name not in ("sampling", "model", "model_digest", *MUST_AGREE)
        and (old := getattr(x, field.name)) != (new := getattr(y, field.name))
    ]
    if a.k != b.k:
        found.append(f"samples per problem: {a.k} and {b.k}; both averages estimate pass@1, pass@k and maj@k differ")
    if a.defined_by.model_digest == b.defined_by.model_digest:
        found.append("the weights are the same")
    return tuple(found)
