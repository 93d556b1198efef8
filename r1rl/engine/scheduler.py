"""vLLM's scheduler, told to hand over a completion when it is done and not token by token.

Every token of every sequence otherwise travels to the actor by itself, and its log-prob with it as three small arrays:
on a GPU that costs more than sampling does (measured: 81,000 tokens a second without log-probs, 39,000 to 48,000 with
them). Here log-probs stay in vLLM's engine process, with the version of the weights that gave each of them, until the
actor asks for those of finished completions in one call; tokens travel once, when their completion ends.

Named in vLLM's `scheduler_cls`. Nothing here imports vLLM before it is called. `LEDGER` is shared with the weight wire
(transfer.py), which runs in the same process: the executor is "uni".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from r1rl.packed import Packed


@dataclass
class Written:
    """What one sequence has brought so far."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    routes: list[np.ndarray] = field(default_factory=list)  # experts, when vLLM was asked to tell


class Ledger:
    """What the sampler wrote, by vLLM's own request id.

    >>> ledger = Ledger()
    >>> ledger.write("0_7-a", [5], [-0.5]), ledger.write("0_7-a", [9], [-0.25])
    (None, None)
    >>> ledger.hand_over("0_7-a")
    ([5, 9], None)
    >>> logprobs, versions = ledger.take(["0_7-a"])[0]
    >>> unpack(logprobs), versions
    ((-0.5, -0.25), [-1])
    """

    def __init__(self) -> None:
        self.version = -1  # of the weights in use; -1: still those the engine was started with
        self._written: dict[str, Written] = {}

    def write(
        self, request_id: str, tokens: list[int], logprobs: list[float], routes: np.ndarray | None = None
    ) -> None:
        """Tokens that were sampled now, by the weights in use."""
        written = self._written.setdefault(request_id, Written())
        written.tokens += tokens
        written.logprobs += logprobs
        written.versions.add(self.version)
        if routes is not None:
            written.routes.append(routes)

    def hand_over(self, request_id: str) -> tuple[list[int], np.ndarray | None]:
        """All tokens of a sequence and their routes; its log-probs stay."""
        written = self._written[request_id]
        return written.tokens, np.concatenate(written.routes) if written.routes else None

    def take(self, request_ids: Iterable[str]) -> list[tuple[bytes, list[int]]]:
        """(log-probs, versions) of each completion, which are then forgotten; of one unknown or aborted, nothing.

        Plain values: vLLM's wire takes no others.
        """
        taken = [self._written.pop(request_id, Written()) for request_id in request_ids]
        return [(struct.pack(f"{len(w.logprobs)}f", *w.logprobs), sorted(w.versions)) for w in taken]

    def forget(self, request_ids: Iterable[str]) -> None:
        """Sequences that nobody will ask for."""
        for request_id in request_ids:
            self._written.pop(request_id, None)


LEDGER = Ledger()


def unpack(logprobs: bytes) -> Packed[float]:
    """The log-probs of one completion, as `Ledger.take` packs them: float32."""
    return Packed(np.frombuffer(logprobs, np.float32))


class Holding:
    """Mixed into vLLM's scheduler."""

    def update_from_output(self, scheduler_output: Any, model_output: Any) -> dict[int, Any]:
        logprobs, model_output.logprobs = model_output.logprobs, None
        outputs = super().update_from_output(scheduler_output, model_output)  # type: ignore[misc]
        rows = _Rows(model_output.req_id_to_index, logprobs)
        for of_client in outputs.values():
            of_client.outputs = [output for output in of_client.outputs if _due(output, rows)]
        return outputs

    def finish_requests(self, request_ids: Any, finished_status: Any) -> Any:
        """Requests aborted from outside: nobody will ask for what they wrote."""
        aborted = super().finish_requests(request_ids, finished_status)  # type: ignore[misc]
        LEDGER.forget(request.request_id for request in aborted)
        return aborted


class _Rows:
    """Log-probs of one batch, by request."""

    def __init__(self, index: dict[str, int], logprobs: Any) -> None:
        self.index = index
        asked = logprobs is not None
        self.first = logprobs.cu_num_generated_tokens if asked else None  # None: one token for each request
        self.values = logprobs.logprobs[:, 0].tolist() if asked else []  # column 0 is the sampled token's

    def of(self, request_id: str, tokens: int) -> list[float]:
        row = self.index[request_id]
        start = self.first[row] if self.first else row
        return self.values[start : start + tokens]


def _due(output: Any, rows: _Rows) -> bool:
    """Notes what an output brings; True when it has to travel now, with all that was held back."""
    tokens, request_id = output.new_token_ids, output.request_id
    if tokens:
        LEDGER.write(request_id, tokens, rows.of(request_id, len(tokens)), output.routed_experts)
        if not output.finished:
            return False
        output.new_token_ids, output.routed_experts = LEDGER.hand_over(request_id)
    return True


def scheduler(*, vllm_config: Any, **arguments: Any) -> Any:
    """A scheduler of the kind that vLLM would have chosen, holding back."""
    from vllm.v1.core.sched.async_scheduler import AsyncScheduler
    from vllm.v1.core.sched.scheduler import Scheduler

    base = AsyncScheduler if vllm_config.scheduler_config.async_scheduling else Scheduler
    return type("HoldingScheduler", (Holding, base), {})(vllm_config=vllm_config, **arguments)
