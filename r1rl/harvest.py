"""The scored groups of one step: as many rounds of sampling as the algorithm allows, until enough of them teach."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from r1rl import canary, credit
from r1rl.types import Group, Problem, ScoredGroup


class Samplers(Protocol):
    """What answers and judges: a TrainingCrew."""

    def roll_out(self, problems: Sequence[Problem], step: int, round: int) -> Iterator[dict[int, Group]]: ...

    def score(self, groups: Sequence[Group]) -> list[ScoredGroup]: ...


@dataclass(frozen=True, kw_only=True)
class Harvest:
    """What one step brought in.

    >>> Harvest(scored=(), honest=(), canaries=(), kept=(), rounds=1).numbers()
    {'rollout/rounds/count': 1, 'rollout/groups/count': 0, 'rollout/kept_groups/count': 0}
    """

    scored: tuple[ScoredGroup, ...]  # all of it
    honest: tuple[ScoredGroup, ...]  # without canaries
    canaries: tuple[ScoredGroup, ...]
    kept: tuple[ScoredGroup, ...]  # what is trained on
    rounds: int

    def numbers(self) -> dict[str, float]:
        return {
            "rollout/rounds/count": self.rounds,
            "rollout/groups/count": len(self.scored),
            "rollout/kept_groups/count": len(self.kept),
        }


def gather(
    crew: Samplers,
    take: Callable[[int], list[Problem]],
    prompts: int,
    rounds: int,
    step: int,
    clock: Callable[[str], AbstractContextManager[None]],
) -> Harvest:
    """Groups of `prompts` problems; with more than one round, flat ones are dropped and further problems are tried.

    Dynamic sampling of DAPO (arXiv 2503.14476, sec. 3.2), with an end to it: each round asks for as many problems as
    informative groups are missing. If no group is informative all are kept, and the step has no policy gradient.

    Args:
        take: the next problems of the stream.
        rounds: at most so many times problems are taken.
        clock: times a room, by name.
    """
    scored: list[ScoredGroup] = []
    missing, done = prompts, 0
    while missing and done < rounds:
        scored += _answered(crew, take(missing), step, done, clock)
        honest, canaries = canary.split(scored)
        missing, done = prompts - len(credit.informative(honest)), done + 1
    kept = honest if rounds == 1 else credit.informative(honest) or honest
    return Harvest(scored=tuple(scored), honest=tuple(honest), canaries=tuple(canaries), kept=tuple(kept), rounds=done)


def _answered(
    crew: Samplers,
    problems: Sequence[Problem],
    step: int,
    round: int,
    clock: Callable[[str], AbstractContextManager[None]],
) -> list[ScoredGroup]:
    """The judged groups of one round, in the order of their problems.

    What an engine brings is judged while others still sample: only the last one's answers keep the learner waiting.
    """
    found: dict[int, ScoredGroup] = {}
    with clock("rollout"):
        for groups in crew.roll_out(problems, step, round):
            if len(found) + len(groups) == len(problems):
                break
            found |= _judged(crew, groups)
    with clock("reward"):
        found |= _judged(crew, groups)
    return [found[i] for i in range(len(problems))]


def _judged(crew: Samplers, groups: Mapping[int, Group]) -> dict[int, ScoredGroup]:
    return dict(zip(groups, crew.score(list(groups.values())), strict=True))
