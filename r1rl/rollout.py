"""Problems to groups of completions, over all rollout workers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from r1rl.actors import Actor, each, wait, wait_any
from r1rl.engine.spec import Sampling
from r1rl.errors import EngineError
from r1rl.types import Completion, Group, Problem


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A problem with the prompt made of it.

    >>> Prompt(problem=Problem(id="a", question="1+1", gold="2"), ids_T=(3, 1)).ids_T
    (3, 1)
    """

    problem: Problem
    ids_T: tuple[int, ...]


AnyPrompt = TypeVar("AnyPrompt", bound=Prompt)


class Rollouts:
    """All engines of a run. Groups stay whole; which worker gets which is a function of their lengths alone."""

    def __init__(self, engines: Sequence[Actor], deadline_s: float) -> None:
        self.engines, self.deadline_s = engines, deadline_s

    def sync(self, parcel: Any) -> None:
        """Gives all engines a new policy version (a Ray reference to a Parcel).

        Raises SyncError unless each proves that it holds exactly these weights.
        """
        wait(self.engines, [e.call("receive", parcel) for e in self.engines], self.deadline_s, "receiving weights")

    def arriving(self, prompts: Sequence[Prompt], sampling: Sampling, seed: int) -> Iterator[dict[int, Group]]:
        """`sampling.samples` completions of each prompt, by the prompt's place: those of an engine when it is done."""
        shares = balance([len(p.ids_T) + sampling.max_tokens for p in prompts], len(self.engines))
        busy = [(engine, share) for engine, share in zip(self.engines, shares, strict=True) if share]
        references = [
            engine.call("generate", [prompts[i].ids_T for i in share], sampling, seed + worker)
            for worker, (engine, share) in enumerate(busy)
        ]
        for place, written in each([engine for engine, _ in busy], references, self.deadline_s, "sampling"):
            yield {
                i: Group(problem=prompts[i].problem, prompt_ids_T=prompts[i].ids_T, completions_G=tuple(completions))
                for i, completions in zip(busy[place][1], written, strict=True)
            }

    def stream(
        self, prompts: Iterable[tuple[AnyPrompt, int]], sampling: Sampling, at_once: int
    ) -> Iterator[tuple[AnyPrompt, list[Completion]]]:
        """(prompt, its completions) as they are done, for work that is kept as it comes.

        Args:
            prompts: each with a seed of its own, so that its completions don't depend on what else is asked. They are
                taken when there is room for them: an endless sequence will do.
            at_once: prompts in flight on each engine.

        Raises EngineError when nothing is done within the deadline, or the engine gave an answer up.
        """
        waiting = iter(prompts)
        flying: dict[Any, tuple[AnyPrompt, Actor]] = {}
        load = Counter({id(engine): 0 for engine in self.engines})
        while True:
            room = sum(at_once - load[id(engine)] for engine in self.engines)
            for prompt, seed in islice(waiting, room):
                engine = min(self.engines, key=lambda engine: load[id(engine)])
                flying[engine.call("answer", prompt.ids_T, sampling, seed)] = prompt, engine
                load[id(engine)] += 1
            if not flying:
                return
            for reference in wait_any(list(flying), self.deadline_s):
                prompt, engine = flying.pop(reference)
                load[id(engine)] -= 1
                completions = wait([engine], [reference], self.deadline_s, "sampling")[0]
                _require_whole(prompt, completions)
                yield prompt, completions


def _require_whole(prompt: Prompt, completions: Sequence[Completion]) -> None:
    aborted = sum(completion.finish == "abort" for completion in completions)
    if aborted:
        raise EngineError(
            f"{aborted} answers to {prompt.problem.id} were aborted by the engine",
            "an answer that the engine gave up is not the policy's",
            "run the same command again: it goes on where it stopped",
        )


def balance(costs: Sequence[int], workers: int) -> list[list[int]]:
    """Indices for each worker: the dearest first, always to the worker with the least so far (Graham's LPT rule).

    >>> balance([5, 9, 4, 1], 2)
    [[1, 3], [0, 2]]
    """
    shares: list[list[int]] = [[] for _ in range(workers)]
    loads = [0] * workers
    for i in sorted(range(len(costs)), key=lambda i: (-costs[i], i)):
        worker = loads.index(min(loads))
        shares[worker].append(i)
        loads[worker] += costs[i]
    return [sorted(share) for share in shares]
