"""One sender and all receivers of weights as a process group of their own: gloo through CPUs, NCCL between GPUs.

It stands beside whatever groups torch, FSDP or vLLM have made in the same process: nothing here is global.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from r1rl.network import own_address

BACKENDS = ("gloo", "nccl")


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where a group comes together.

    >>> Meeting(backend="gloo", host="127.0.0.1", port=29500, size=3, patience_s=60.0).size
    3
    """

    backend: str  # "gloo" or "nccl"
    host: str
    port: int
    size: int  # members, the sender included
    patience_s: float  # seconds for all to come, and for one broadcast


class Host:
    """Rank 0's meeting point, open before anybody else is told of it."""

    def __init__(self, backend: str, receivers: int, patience_s: float) -> None:
        patience = timedelta(seconds=patience_s)
        self.store = dist.TCPStore(own_address(), 0, receivers + 1, True, patience, wait_for_workers=False)
        host, port = self.store.host, self.store.port
        self.meeting = Meeting(backend=backend, host=host, port=port, size=receivers + 1, patience_s=patience_s)


class Broadcast:
    """One member of a group in which rank 0 sends and all others receive."""

    def __init__(self, meeting: Meeting, rank: int, device: torch.device, store: dist.Store | None = None) -> None:
        """Waits for all members.

        Args:
            store: rank 0's own; others connect to it.

        Raises RuntimeError or DistError when one does not come.
        """
        patience = timedelta(seconds=meeting.patience_s)
        store = store or dist.TCPStore(meeting.host, meeting.port, meeting.size, False, patience)
        self.device = device if meeting.backend == "nccl" else torch.device("cpu")
        self._group = _group(meeting, store, rank, patience)
        # NCCL connects in its first collective, and waits there for everybody. Were that the first version of the
        # weights, the sender would wait for receivers that are only told of it when it has packed.
        self(torch.zeros(1, dtype=torch.uint8, device=self.device)).wait()

    def __call__(self, buffer: torch.Tensor) -> dist.Work:
        """Starts to send (rank 0) or to receive bytes on `device`, as many everywhere; leave them alone till `wait`."""
        work: dist.Work = self._group.broadcast(buffer, 0)
        return work


def _group(meeting: Meeting, store: dist.Store, rank: int, patience: timedelta) -> Any:
    own = dist.PrefixStore("weights", store)
    if meeting.backend == "gloo":
        return dist.ProcessGroupGloo(own, rank, meeting.size, patience)
    options = dist.ProcessGroupNCCL.Options()
    options._timeout = patience
    return dist.ProcessGroupNCCL(own, rank, meeting.size, options)
