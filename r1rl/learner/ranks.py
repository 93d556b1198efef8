"""The ranks of a learner as a process group: gloo between CPUs, NCCL between GPUs, and a deadline for each meeting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from r1rl.errors import RunError
from r1rl.network import own_address

MEETING = 0.8  # of the driver's deadline: a rank that waits in vain says so before the driver gives up on everyone
GONE = (  # in what gloo, the store and the barrier say when another rank does not answer
    "imed out",
    "imeout",
    "onnection closed",
    "onnection reset",
    "monitoredBarrier",
    "Broken pipe",
)


class Late(RunError):
    """Other ranks did not come: whoever sees it is not the culprit."""


class Ranks:
    """One rank's view of all."""

    def __init__(self, rank: int, count: int, device: torch.device, deadline_s: float) -> None:
        self.rank, self.count, self.device = rank, count, device
        self._patience = timedelta(seconds=MEETING * deadline_s)

    @property
    def alone(self) -> bool:
        return self.count == 1

    @property
    def first(self) -> bool:
        """Whether this rank does what is done once: write files, send weights."""
        return self.rank == 0

    def invite(self, host: str | None) -> tuple[str, int]:
        """Rank 0 opens the meeting point; returns its address for the others."""
        self._store = dist.TCPStore(host or own_address(), 0, self.count, True, self._patience, wait_for_workers=False)
        return self._store.host, self._store.port

    def join(self, address: tuple[str, int]) -> None:
        """Waits for all ranks. Raises Late when one does not come."""
        with self.together("joining"):
            store = self._store if self.first else dist.TCPStore(*address, self.count, False, self._patience)
            backend = "cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo"
            # NCCL's own timeout kills the process that waits, not the one that hangs: gloo's meetings come before it.
            patience = self._patience * (4 if self.device.type == "cuda" else 1)
            dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.count, timeout=patience)
            self._meetings = dist.new_group(backend="gloo", timeout=self._patience)

    def meet(self, doing: str) -> None:
        """Waits until all ranks are here. Raises Late naming those that are not."""
        if self.alone:
            return
        with self.together(doing):
            dist.monitored_barrier(self._meetings, self._patience, wait_all_ranks=True)

    def most(self, number: int) -> int:
        """The largest of the ranks' numbers."""
        return int(self._reduced(torch.tensor(number), dist.ReduceOp.MAX))

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of the ranks' tensors."""
        return self._reduced(tensor, dist.ReduceOp.SUM)

    @contextmanager
    def together(self, doing: str) -> Iterator[None]:
        """Around what ranks do together: a collective that fails because another rank is gone becomes a Late."""
        try:
            yield
        except (RuntimeError, dist.DistError) as error:
            if not any(sign in str(error) for sign in GONE):
                raise
            raise Late(
                f"rank {self.rank} of the learner waited in vain for the others while {doing}: "
                f"{str(error).splitlines()[0][:300]}",
                "ranks compute one gradient together; without one of them it would be another one",
                "read the logs of the ranks it names; raise learner.deadline_s if they were only slow",
            ) from error

    def _reduced(self, tensor: torch.Tensor, operation: dist.ReduceOp.RedOpType) -> torch.Tensor:
        if self.alone:
            return tensor
        reduced = tensor.to("cpu", copy=True)
        with self.together("adding up"):
            dist.all_reduce(reduced, operation, self._meetings)
        return reduced.to(tensor.device)

    def leave(self) -> None:
        if not self.alone and dist.is_initialized():
            dist.destroy_process_group()
