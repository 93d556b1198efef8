"""All ranks of the learner as one: the driver's side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from r1rl.actors import Actor, result, wait, wait_any
from r1rl.algorithm import Algorithm
from r1rl.batch import length
from r1rl.errors import R1Error
from r1rl.learner import Gap
from r1rl.learner.ranks import Late
from r1rl.loss import Totals, merge
from r1rl.packed import Freight
from r1rl.policy.companion import Settings
from r1rl.policy.lora import Lora
from r1rl.rollout import balance
from r1rl.sync import Parcel
from r1rl.types import Sample


class Learners:
    """One policy in training, on one rank or several.

    Every verb waits until it is done, `deadline_s` at most; `learn` returns what waits. Each raises EngineError naming
    the rank that died, failed or is late; errors of r1rl come through as they are.
    """

    def __init__(self, ranks: Sequence[Actor], deadline_s: float) -> None:
        self.ranks, self.deadline_s = ranks, deadline_s

    def join(self, host: str | None = None) -> None:
        """Makes the ranks know each other. `host`: rank 0's address, when it should not be found out."""
        if len(self.ranks) > 1:
            calls = [self.ranks[0].call("invite", host)]
            (address,) = wait(self.ranks[:1], calls, self.deadline_s, "opening a meeting point")
            self._all("join", [(address,)] * len(self.ranks), "joining the other ranks")

    def meet(self, samplers: Sequence[Actor]) -> None:
        """Makes rank 0 and the samplers one group, where weights are broadcast; elsewhere nobody has to meet."""
        first = self.ranks[:1]
        inviting = [first[0].call("invite_samplers", len(samplers))]
        (meeting,) = wait(first, inviting, self.deadline_s, "opening a meeting point")
        if meeting is not None:
            joining = [sampler.call("join", meeting, rank) for rank, sampler in enumerate(samplers, 1)]
            joining.append(first[0].call("join_samplers"))  # last: it only waits, and a sampler that died is to blame
            wait([*samplers, *first], joining, self.deadline_s, "meeting for the weights")

    def load(
        self, folder: Path, optimizer: str = "adamw", adapters: Lora | None = None, extras: Settings | None = None
    ) -> int:
        """Loads a policy and the state of its training, if it has one. Returns the number of updates so far."""
        return int(self._same("load", "loading the policy", folder, optimizer, adapters, extras)[0])

    def make(self, folder: Path, size: str, texts: Sequence[str], phrase: str, max_length: int, seed: int) -> None:
        """Writes a new policy of a named size, with a tokenizer trained on `texts`, into `folder`."""
        calls = [self.ranks[0].call("make", folder, size, texts, phrase, max_length, seed)]
        wait(self.ranks[:1], calls, self.deadline_s, "making the policy")

    def learn(
        self,
        minibatches: Sequence[Sequence[Sample]],
        totals: Sequence[Totals],
        algorithm: Algorithm,
        lrs: Sequence[float],
        temperature: float,
    ) -> Callable[[], list[dict[str, float]]]:
        """Begins one optimizer update on each of a rollout's mini-batches.

        What it returns waits for them, within the deadline, and returns the sums of each, for `loss.metrics`. It raises
        RunError when a gradient is not finite: the weights are then left as they were before it.
        """
        shares = [self._shares(samples) for samples in minibatches]
        of_each = [
            [Freight(samples[i] for i in share[rank]) for samples, share in zip(minibatches, shares, strict=True)]
            for rank in range(len(self.ranks))
        ]
        arguments = [(own, totals, algorithm, lrs, temperature) for own in of_each]
        of_ranks = self._begun("learn", arguments, "learning")
        return lambda: [merge(parts) for parts in zip(*of_ranks(), strict=True)]

    def logprobs(self, samples: Sequence[Sample], temperature: float) -> list[tuple[float, ...]]:
        """The policy's log-prob of each completion token, in nats, sample by sample."""
        shares = self._shares(samples)
        arguments = [(Freight(samples[i] for i in share), temperature) for share in shares]
        found: dict[int, tuple[float, ...]] = {}
        for share, rows in zip(shares, self._all("logprobs", arguments, "computing log-probs"), strict=True):
            found |= dict(zip(share, rows, strict=True))
        return [found[i] for i in range(len(samples))]

    def gap(self, samples: Sequence[Sample], temperature: float) -> Gap:
        """Compares the sampler's log-probs of these samples with the learner's own."""
        return Gap.of(samples, self.logprobs(samples, temperature))

    def pack(self, version: int) -> Parcel:
        """The current weights, ready for the samplers to pick up."""
        parcel: Parcel = self._same("pack", "packing weights", version)[0]
        return parcel

    def save(self, folder: Path) -> None:
        """Writes a Hugging Face folder with the state from which `load` goes on exactly, on any number of ranks."""
        self._same("save", "saving a checkpoint", folder)

    def keep(self, folder: Path) -> None:
        """Writes the policy alone."""
        self._same("keep", "saving the policy", folder)

    def _shares(self, samples: Sequence[Sample]) -> list[list[int]]:
        return balance([length(s) for s in samples], len(self.ranks))

    def _same(self, method: str, doing: str, *arguments: object) -> list[Any]:
        return self._all(method, [arguments] * len(self.ranks), doing)

    def _all(self, method: str, arguments: Sequence[tuple[object, ...]], doing: str) -> list[Any]:
        return self._begun(method, arguments, doing)()

    def _begun(self, method: str, arguments: Sequence[tuple[object, ...]], doing: str) -> Callable[[], list[Any]]:
        """Calls every rank; what it returns waits for their results, in order."""
        calls = [rank.call(method, *own) for rank, own in zip(self.ranks, arguments, strict=True)]
        return partial(self._results, calls, time.monotonic() + self.deadline_s, doing)

    def _results(self, calls: Sequence[Any], end: float, doing: str) -> list[Any]:
        """Waits for all ranks. The first that fails by itself is named.

        One that only waited in vain for others is not: then those that never answered are.
        """
        results: dict[int, Any] = {}
        waited: list[R1Error] = []
        while len(results) < len(calls):
            left = [call for i, call in enumerate(calls) if i not in results]
            rank = calls.index(wait_any(left, max(0.0, end - time.monotonic()))[0])
            try:
                results[rank] = result(self.ranks[rank], calls[rank], end, self.deadline_s, doing)
            except Late as error:
                waited.append(error)
                results[rank] = None
        if waited:
            raise waited[0]
        return [results[i] for i in range(len(calls))]
