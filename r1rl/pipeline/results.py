"""What the stages of a pipeline reached, as a table for a terminal and one for a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from r1rl.provenance import Lineage, read

FILE = "results.md"
COLUMNS = ("stage", "kind", "made of", "held-out accuracy", "95% interval", "n", "tokens", "seconds")
Row = tuple[str, ...]


def rows(folders: Mapping[str, Path]) -> list[Row]:
    """One for each stage, in order. A base has the numbers that its first child began with."""
    known = {name: lineage for name, folder in folders.items() if (lineage := read(folder))}
    found: list[Row] = []
    for name, lineage in known.items():
        numbers = lineage.numbers or _before(folders[name], known.values())
        measured = _measured(numbers)
        found.append((name, lineage.kind, _parents(lineage, folders), *measured, f"{lineage.seconds:.0f}"))
    return found


def _before(folder: Path, children: Iterable[Lineage]) -> Mapping[str, float]:
    """What was measured of a policy before a child's training changed it."""
    for child in children:
        policy = child.parents.get("policy")
        if policy is not None and folder in Path(policy.path).parents and "before_accuracy" in child.numbers:
            prefix = "before_"
            return {key.removeprefix(prefix): n for key, n in child.numbers.items() if key.startswith(prefix)}
    return {}


def table(found: Sequence[Row]) -> Table:
    """For a terminal."""
    made = Table(box=None)
    for column in COLUMNS:
        made.add_column(column, justify="left" if column in COLUMNS[:3] else "right")
    for row in found:
        made.add_row(*row)
    return made


def markdown(found: Sequence[Row]) -> str:
    """For a page.

    >>> markdown([("a", "train", "base", "50.0%", "48.1% to 51.9%", "768", "24.0", "90")]).splitlines()[2]
    '| a | train | base | 50.0% | 48.1% to 51.9% | 768 | 24.0 | 90 |'
    """
    lines = [COLUMNS, ("---",) * len(COLUMNS), *found]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _parents(lineage: Lineage, folders: Mapping[str, Path]) -> str:
    """The stages that it was made of, by name; from outside, by path."""

    def named(path: str) -> str:
        return next((name for name, folder in folders.items() if folder in (Path(path), *Path(path).parents)), path)

    return ", ".join(f"{role} {named(parent.path)}" for role, parent in lineage.parents.items())


def _measured(numbers: Mapping[str, float]) -> tuple[str, str, str, str]:
    if "accuracy" in numbers:
        interval = f"{numbers['low']:.1%} to {numbers['high']:.1%}" if "low" in numbers else ""
        return f"{numbers['accuracy']:.1%}", interval, f"{numbers['n']:.0f}", f"{numbers['tokens']:.1f}"
    if "kept" in numbers:
        return f"{numbers['kept']:.0f} of {numbers['traces']:.0f} kept", "", "", ""
    if "traces" in numbers:
        right = f"{numbers['correct']:.1%} of {numbers['traces']:.0f} traces right"
        return right, "", "", f"{numbers['tokens']:.1f}"
    return "", "", "", ""
