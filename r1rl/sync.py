"""The weight wire: pack a policy into one buffer, and prove that what arrived elsewhere is what was sent.

The buffer is shared memory of the host (`shm`), or a CUDA allocation that a process on the same host opens through CUDA
IPC (`ipc`), on the same GPU or on one that can read its memory; or it is broadcast to receivers anywhere (`gloo`,
`nccl`). Layout, manifest and digests are the same for all. The receiver's end is r1rl.inbox.

Every tensor carries a digest of its bytes, name, dtype and shape (r1rl.digest). It covers parameters AND buffers: the
correction bias of DeepSeek-V3 is a buffer, and a sync over named_parameters() never sends it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import pickle
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.distributed import Work

from r1rl.broadcast import BACKENDS, Broadcast, Host, Meeting
from r1rl.digest import WORD, digests
from r1rl.errors import SyncError

FRESH_S = 60.0  # seconds
ALIGN = 64  # bytes; every tensor starts on a cache line, so that any dtype can be viewed in place


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Where one tensor lies in the buffer.

    >>> Slot(name="lm_head.weight", dtype="float32", shape=(305, 128), offset=0, digest=7).nbytes
    156160
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int  # bytes
    digest: int  # unsigned 64 bits

    @property
    def nbytes(self) -> int:
        return torch.Size(self.shape).numel() * getattr(torch, self.dtype).itemsize


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """One version of all weights, ready to be picked up.

    >>> Parcel(version=3, transport="shm", slots=(), handle="/dev/shm/r1rl-1-ab").version
    3
    """

    version: int
    transport: str  # "shm", "ipc", "gloo" or "nccl"
    slots: tuple[Slot, ...]
    handle: str | bytes  # shm: a file's path; ipc: torch's reduce_tensor, pickled; else which broadcast it is
    device: str = ""  # ipc: the sender's GPU


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a sampler says it got: digests it computed itself, and the model tensors that nothing was loaded into.

    >>> Receipt(version=3, digests={"lm_head.weight": 7}, untouched=()).digests["lm_head.weight"]
    7
    """

    version: int
    digests: Mapping[str, int]
    untouched: tuple[str, ...]


class Outbox:
    """The sender's end: one buffer, reused for every version, removed by `close`."""

    def __init__(self, transport: str, device: torch.device, run_id: str) -> None:
        self.transport, self.device = transport, device
        self._path = Path(f"/dev/shm/r1rl-{run_id}-{os.getpid()}")
        self._buffer: torch.Tensor | None = None
        self._send: Broadcast | None = None
        self._sending: Work | None = None
        self._sent = 0  # broadcasts
        sweep(self._path.parent)

    def invite(self, receivers: int, patience_s: float) -> Meeting | None:
        """Where receivers meet the sender, for weights that are broadcast; None where they read its memory."""
        if self.transport not in BACKENDS:
            return None
        self._host = Host(self.transport, receivers, patience_s)
        return self._host.meeting

    def join(self) -> None:
        """Waits for all receivers that were invited."""
        self._send = Broadcast(self._host.meeting, 0, self.device, self._host.store)

    def pack(
        self,
        version: int,
        tensors: Iterable[tuple[str, torch.Tensor]],
        outlines: Iterable[tuple[str, torch.Tensor]],
    ) -> Parcel:
        """Copies the tensors into the buffer, one at a time: a sharded policy is never whole anywhere else.

        Args:
            outlines: the same tensors without values, by which room is made.

        Raises SyncError when there is no room.
        """
        offsets, total = layout(t.numel() * t.element_size() for _, t in outlines)
        if self._sending is not None:
            self._sending.wait()
        buffer = self._allocate(total)
        slots = []
        for (name, tensor), offset in zip(tensors, offsets, strict=True):
            whole = tensor.detach().contiguous()
            raw = whole.reshape(-1).view(torch.uint8)
            end = offset + raw.numel()
            buffer[offset:end].copy_(raw)
            if raw.numel() % WORD:
                buffer[end : end + WORD - raw.numel() % WORD] = 0  # its digest is one of whole words
            slots.append(_slot(name, whole, offset))
        sent = digests(buffer, slots)
        return Parcel(
            version=version,
            transport=self.transport,
            slots=tuple(replace(slot, digest=sent[slot.name]) for slot in slots),
            handle=self._handle(buffer),
            device=identity(buffer.device),
        )

    def _allocate(self, total: int) -> torch.Tensor:
        if self._buffer is None or self._buffer.numel() != total:
            self._buffer = (
                self._shared_memory(total)
                if self.transport == "shm"
                else torch.empty(total, dtype=torch.uint8, device="cpu" if self.transport == "gloo" else self.device)
            )
        return self._buffer

    def _shared_memory(self, total: int) -> torch.Tensor:
        stat = os.statvfs(self._path.parent)
        if stat.f_bavail * stat.f_frsize < total:
            raise SyncError(
                f"{self._path.parent} has no room for {total / 2**20:.0f} MiB of weights",
                "weights travel to the sampler through shared memory",
                "enlarge it (Docker: --shm-size) or remove files of dead runs: rm /dev/shm/r1rl-*",
            )
        self._file = open(self._path, "wb")  # noqa: SIM115 - its lock says that this sender lives
        fcntl.flock(self._file, fcntl.LOCK_SH)
        self._file.truncate(total)
        return torch.from_file(str(self._path), shared=True, size=total, dtype=torch.uint8)

    def _handle(self, buffer: torch.Tensor) -> str | bytes:
        if self.transport == "shm":
            return str(self._path)
        if self.transport in BACKENDS:
            return self._start(buffer)
        from torch.multiprocessing.reductions import reduce_tensor

        torch.cuda.synchronize(self.device)  # the receiver reads from another process and stream
        return pickle.dumps(reduce_tensor(buffer))

    def _start(self, buffer: torch.Tensor) -> str:
        """Starts a broadcast and does not wait: receivers come when they are told of the parcel."""
        if self._send is None:
            raise SyncError(
                f"no sampler has joined the group in which weights are broadcast ({self.transport})",
                "they would be sent to nobody",
                "this is a bug: let all engines join before the first sync",
            )
        self._sending = self._send(buffer)
        self._sent += 1
        return str(self._sent)

    def close(self) -> None:
        self._buffer = None
        self._path.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what killed senders left behind: memory that nobody else gives back before the next boot.

    A living sender holds a lock on its file. Its process id would not do: containers may share this folder.
    """
    for path in folder.glob("r1rl-*"):
        with suppress(OSError), open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - path.stat().st_mtime > FRESH_S:  # a new one may not be locked yet
                path.unlink()


def layout(sizes: Iterable[int]) -> tuple[list[int], int]:
    """Where each tensor of these sizes begins in the buffer, and the buffer's size; bytes.

    >>> layout([1, 65, 4096])
    ([0, 64, 192], 4288)
    """
    offsets, end = [], 0
    for size in sizes:
        offsets.append(end)
        end += -(-size // ALIGN) * ALIGN
    return offsets, max(end, mmap.PAGESIZE)


def _slot(name: str, tensor: torch.Tensor, offset: int) -> Slot:
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Slot(name=name, dtype=dtype, shape=tuple(tensor.shape), offset=offset, digest=0)


def views(buffer: torch.Tensor, slots: Iterable[Slot]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors in a buffer."""
    for slot in slots:
        raw = buffer[slot.offset : slot.offset + slot.nbytes]
        yield slot.name, raw.view(getattr(torch, slot.dtype)).view(slot.shape)


def identity(device: torch.device) -> str:
    """Which GPU it is, whatever number a process knows it by; "" for the host."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else ""


def verify(parcel: Parcel, receipt: Receipt, worker: int) -> None:
    """Raises SyncError, naming the tensor, unless the sampler holds exactly the weights of the parcel."""
    sent = {slot.name: slot.digest for slot in parcel.slots}
    wrong = sorted(name for name in sent.keys() | receipt.digests.keys() if sent.get(name) != receipt.digests.get(name))
    for problem, names in (("arrived changed or not at all", wrong), ("got no new value", receipt.untouched)):
        if names:
            raise SyncError(
                f"policy version {parcel.version}, rollout worker {worker}: {len(names)} tensor(s) {problem}: "
                + ", ".join(names[:5]),
                "the sampler would write with other weights than the learner trains",
                "check that policy and engine agree on the architecture; nothing was trained on this",
            )
    if receipt.version != parcel.version:
        raise SyncError(
            f"rollout worker {worker} took version {receipt.version}, sent was {parcel.version}",
            "completions would carry the wrong policy version",
            "this is a bug in the weight wire: report it with the run folder",
        )
