"""The receiver's end of the weight wire: a parcel's buffer, however it comes."""

from __future__ import annotations

import os
import pickle

import torch

from r1rl.broadcast import BACKENDS, Broadcast, Meeting
from r1rl.sync import Parcel, identity, layout


class Inbox:
    """What one sampler receives with."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._receive: Broadcast | None = None
        self._buffer = torch.empty(0, dtype=torch.uint8)
        self._handle: str | bytes = ""  # of the broadcast that the buffer holds

    def join(self, meeting: Meeting, rank: int) -> None:
        """Meets the sender and the other receivers, for weights that are broadcast."""
        self._receive = Broadcast(meeting, rank, self.device)

    def open(self, parcel: Parcel) -> torch.Tensor:
        """The bytes of a parcel, in a buffer that the next one may be written to.

        A parcel may be opened twice, for a policy and for its draft model.
        """
        if parcel.transport not in BACKENDS:
            return shared(parcel, self.device)
        return self._received(parcel).to(self.device)

    def _received(self, parcel: Parcel) -> torch.Tensor:
        assert self._receive is not None, "weights are broadcast to those who joined"
        if parcel.handle != self._handle:
            _, total = layout(slot.nbytes for slot in parcel.slots)
            if self._buffer.numel() != total:
                self._buffer = torch.empty(total, dtype=torch.uint8, device=self._receive.device)
            self._receive(self._buffer).wait()
            self._handle = parcel.handle
        return self._buffer


def shared(parcel: Parcel, device: torch.device) -> torch.Tensor:
    """The buffer of a parcel in memory that sender and receiver share: the sender's own.

    From another GPU it is fetched first, in one copy over the link between the two: whoever reads it for digests and
    again for loading would cross it several times.
    """
    buffer = _open(parcel, device)
    return buffer.clone() if parcel.transport == "ipc" and parcel.device != identity(device) else buffer


def _open(parcel: Parcel, device: torch.device) -> torch.Tensor:
    if isinstance(parcel.handle, str):
        size = os.path.getsize(parcel.handle)
        return torch.from_file(parcel.handle, shared=True, size=size, dtype=torch.uint8)
    rebuild, arguments = pickle.loads(parcel.handle)
    arguments = list(arguments)
    # The receiver's own number, also for memory of another GPU, which this process may not even see: CUDA opens that
    # too and lets this device read it (cudaIpcMemLazyEnablePeerAccess, which torch asks for).
    arguments[6] = device.index or 0
    return rebuild(*arguments)
