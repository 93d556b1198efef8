"""A part of a suite that stands for the whole: every level and subject has its share; the choice is always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from r1rl.types import Problem


def stratified(problems: Sequence[Problem], count: int) -> tuple[Problem, ...]:
    """`count` of the problems, in their order; which ones follows from their ids, levels and subjects alone.

    Each stratum (level and subject) gives as many as its share says, rounded down; the places that are left go to those
    with the largest remainders (Hamilton's method). Within a stratum, and between equal remainders, sha256 decides.
    """
    strata: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        key = str(problem.meta.get("level")), str(problem.meta.get("subject"))
        strata.setdefault(key, []).append(problem)
    seats = _seats({key: len(of) for key, of in strata.items()}, count)
    chosen = {p.id for key, of in strata.items() for p in sorted(of, key=lambda p: _hash(p.id))[: seats[key]]}
    return tuple(problem for problem in problems if problem.id in chosen)


def _seats(sizes: dict[tuple[str, str], int], count: int) -> dict[tuple[str, str], int]:
    total = sum(sizes.values())
    seats = {key: count * size // total for key, size in sizes.items()}
    by_remainder = sorted(sizes, key=lambda key: (-(count * sizes[key] % total), _hash("/".join(key))))
    for key in by_remainder[: count - sum(seats.values())]:
        seats[key] += 1
    return seats


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
