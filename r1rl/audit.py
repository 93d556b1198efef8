"""Before GPU hours are spent: a recipe's rewards against its own problems.

Right answers must pass. Everything else must not: empty answers, the question itself, answers inside the thinking,
other problems' answers, and the attacks. A second, independent grader says where it would have judged otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from r1rl.answer import second
from r1rl.probes import OTHERS, RIGHT, Probe, last_answer, probes_of
from r1rl.recipe import Recipe
from r1rl.reward import judges
from r1rl.stream import open_source
from r1rl.types import Score, Verdict

EXAMPLES = 3  # offenders shown for each check


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one check found."""

    check: str
    deserves: bool
    tried: int
    mistakes: tuple[tuple[Probe, Score], ...]  # judged the other way
    ungradable: tuple[tuple[Probe, Score], ...]


def audit(console: Console, recipe: Recipe) -> bool:
    """Prints what the rewards of a recipe let through and what they miss; True if all is within the recipe's limits."""
    source = open_source(recipe.data.source, recipe.seed, dict(recipe.data.options))
    probes = list(probes_of(source, recipe.audit.problems))
    with judges(recipe, None) as pool:
        scores = pool.judge([probe.answer for probe in probes])
    found = findings(probes, scores)
    console.print(_table(found))
    _show_examples(console, found)
    _show_second(console, probes, scores)
    return _verdict(console, recipe, found)


def findings(probes: Sequence[Probe], scores: Sequence[Score]) -> list[Finding]:
    """One finding for each check, in the order of the probes."""
    judged = list(zip(probes, scores, strict=True))
    found = []
    for check in dict.fromkeys(probe.check for probe in probes):
        mine = [(probe, score) for probe, score in judged if probe.check == check]
        found.append(
            Finding(
                check=check,
                deserves=mine[0][0].deserves,
                tried=len(mine),
                mistakes=tuple(pair for pair in mine if _mistaken(*pair)),
                ungradable=tuple(pair for pair in mine if pair[1].verdict is Verdict.UNGRADABLE),
            )
        )
    return found


def _mistaken(probe: Probe, score: Score) -> bool:
    return score.verdict is not Verdict.UNGRADABLE and probe.deserves != (score.verdict is Verdict.CORRECT)


def _share(found: Sequence[Finding], deserves: bool) -> float:
    mine = [f for f in found if f.deserves == deserves]
    return sum(len(f.mistakes) for f in mine) / max(1, sum(f.tried for f in mine))


def _table(found: Sequence[Finding]) -> Table:
    table = Table("check", "should", "tried", "mistakes", "rate", "ungradable", box=None)
    for f in found:
        should = "pass" if f.deserves else "fail"
        rate = f"{len(f.mistakes) / f.tried:.1%}"
        table.add_row(f.check, should, str(f.tried), str(len(f.mistakes)), rate, str(len(f.ungradable)))
    return table


def _show_examples(console: Console, found: Sequence[Finding]) -> None:
    for f in found:
        for label, pairs in (("mistake", f.mistakes), ("ungradable", f.ungradable)):
            for probe, score in pairs[:EXAMPLES]:
                problem, text = probe.answer.problem, probe.answer.text
                console.print(
                    f"{label}, {f.check}: {problem.id}, gold {problem.gold[:80]!r}: {text[-160:]!r} "
                    f"is {score.verdict.value}" + (f" ({score.detail})" if score.detail else ""),
                    highlight=False,
                    markup=False,
                )


def _show_second(console: Console, probes: Sequence[Probe], scores: Sequence[Score]) -> None:
    """Where a second grader, which knows strings only, judges the final answer otherwise."""
    pairs = [
        (probe, score, opinion)
        for probe, score in zip(probes, scores, strict=True)
        if probe.check in (RIGHT, OTHERS) and "tests" not in probe.answer.problem.meta
        if (opinion := second.agrees(probe.answer.problem.gold, last_answer(probe.answer.text))) is not None
    ]
    differ = [(p, s) for p, s, opinion in pairs if opinion != (s.verdict is Verdict.CORRECT)]
    console.print(f"second grader: {len(pairs)} opinions, {len(differ)} of them differ", highlight=False)
    for probe, score in differ[:EXAMPLES]:
        gold, said = probe.answer.problem.gold, last_answer(probe.answer.text)
        console.print(
            f"  gold {gold[:80]!r}, answer {said[:80]!r}: {score.verdict.value}", markup=False, highlight=False
        )


def _verdict(console: Console, recipe: Recipe, found: Sequence[Finding]) -> bool:
    limits = recipe.audit
    ungradable = sum(len(f.ungradable) for f in found) / max(1, sum(f.tried for f in found))
    measured = (
        ("false positives", _share(found, False), limits.max_false_positives),
        ("false negatives", _share(found, True), limits.max_false_negatives),
        ("ungradable", ungradable, limits.max_ungradable),
    )
    for name, share, limit in measured:
        colour = "red" if share > limit else "green"
        console.print(f"[{colour}]{name}: {share:.2%}, limit {limit:.2%}[/]", highlight=False)
    fine = all(share <= limit for _, share, limit in measured)
    judged_by = escape(recipe.reward[0].fn)
    console.print(
        f"{judged_by} can be trusted on this data as far as these checks go."
        if fine
        else f"{judged_by} is not ready for this data: mend the reward or the data, or raise audit.max_* knowingly.",
        highlight=False,
    )
    return fine
