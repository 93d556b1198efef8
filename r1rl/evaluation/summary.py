"""All the numbers of a suite from its samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean, median

from r1rl.evaluation.attempts import Attempt, complete, leniently
from r1rl.evaluation.estimates import average, bounds, graded, mean, pass_at, sizes, tallies
from r1rl.evaluation.intervals import Interval, over_problems, sampling
from r1rl.evaluation.results import DefinedBy, Part, Results
from r1rl.evaluation.voting import Same, ballot, majority
from r1rl.types import Verdict


def summarise(
    suite: str,
    attempts: Sequence[Attempt],
    problems: Sequence[str],
    k: int,
    *,
    same: Same | None,
    defined_by: DefinedBy,
    seconds: float,
) -> Results:
    """The results of a suite.

    Args:
        problems: ids of all problems of the suite; what makes a whole problem's absence visible.
        same: the verifier that says which answers agree; None for a suite whose answers cannot be compared (programs),
            which then has no maj@k.
        seconds: that sampling and judging took.

    Raises RunError unless `attempts` are samples 0 … k-1 of every problem.
    """
    complete((attempt.key for attempt in attempts), problems, k)
    values = _values(attempts, k, same)
    return Results(
        suite=suite,
        n=len(problems),
        k=k,
        estimates={name: mean(list(of)) for name, of in values.items()},
        intervals=_intervals(attempts, values, k),
        rates=_rates(attempts, len(problems)),
        tokens=_tokens(attempts),
        by={key: parts for key in ("level", "subject") if (parts := _parts(attempts, key))},
        defined_by=defined_by,
        seconds=seconds,
        tokens_per_second=sum(a.tokens for a in attempts) / seconds if seconds else 0.0,
    )


def _values(attempts: Sequence[Attempt], k: int, same: Same | None) -> dict[str, list[float]]:
    """For each estimate, its value for each problem of which something was graded."""
    suite = graded(tallies(attempts))
    values = {f"avg@{k}": [tally.share for tally in suite.values()]}
    if lenient := graded(tallies(leniently(attempts))):
        values[f"lenient@{k}"] = [tally.share for tally in lenient.values()]
    values |= {f"pass@{j}": [pass_at(tally, j) for tally in suite.values()] for j in sizes(k)}
    if same is None:
        return values
    of = _grouped(attempts, lambda attempt: attempt.id)
    ballots = [ballot(of[name], same) for name in suite]
    return values | {f"maj@{j}": [majority(votes, j) for votes in ballots] for j in sizes(k)}


def _intervals(
    attempts: Sequence[Attempt], values: dict[str, list[float]], k: int
) -> dict[str, dict[str, Interval | None]]:
    found: dict[str, dict[str, Interval | None]] = {
        name: {"over_problems": over_problems(of)} for name, of in values.items()
    }
    found[f"avg@{k}"]["sampling"] = sampling(list(tallies(attempts).values()))
    if f"lenient@{k}" in found:
        found[f"lenient@{k}"]["sampling"] = sampling(list(tallies(leniently(attempts)).values()))
    return found


def _rates(attempts: Sequence[Attempt], problems: int) -> dict[str, float | None]:
    suite = tallies(attempts)
    if_wrong, if_right = bounds(suite.values())
    return {
        "truncated": fmean(a.finish == "length" for a in attempts),
        "no_answer": fmean(a.verdict is Verdict.NO_ANSWER for a in attempts),
        "ungradable": fmean(a.verdict is Verdict.UNGRADABLE for a in attempts),
        "problems_left_out": 1 - len(graded(suite)) / problems,
        "if_ungradable_wrong": if_wrong,
        "if_ungradable_right": if_right,
    }


def _tokens(attempts: Sequence[Attempt]) -> dict[str, float | None]:
    lengths = [float(a.tokens) for a in attempts]
    wrong = (Verdict.WRONG, Verdict.NO_ANSWER)
    return {
        "mean": fmean(lengths),
        "median": median(lengths),
        "max": max(lengths),
        "right": mean([float(a.tokens) for a in attempts if a.verdict is Verdict.CORRECT]),
        "wrong": mean([float(a.tokens) for a in attempts if a.verdict in wrong]),
        "sum": sum(lengths),
    }


def _parts(attempts: Sequence[Attempt], key: str) -> dict[str, Part]:
    """The numbers for each level or subject, in their order; empty if the suite has none."""
    found = _grouped([a for a in attempts if getattr(a, key) is not None], lambda a: str(getattr(a, key)))
    return {value: _part(found[value]) for value in sorted(found, key=lambda v: (len(v) if v.isdigit() else 0, v))}


def _part(attempts: Sequence[Attempt]) -> Part:
    suite = tallies(attempts)
    return Part(
        problems=len(suite),
        average=average(suite.values()),
        lenient=average(tallies(leniently(attempts)).values()),
        sampling=sampling(list(suite.values())),
        over_problems=over_problems([tally.share for tally in graded(suite).values()]),
        truncated=fmean(a.finish == "length" for a in attempts),
        no_answer=fmean(a.verdict is Verdict.NO_ANSWER for a in attempts),
        tokens=fmean(a.tokens for a in attempts),
    )


def _grouped(attempts: Sequence[Attempt], key: Callable[[Attempt], str]) -> dict[str, list[Attempt]]:
    found: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        found.setdefault(key(attempt), []).append(attempt)
    return found
