"""How fast weights go from one GPU to another: r1rl's broadcast through NCCL, and a plain copy.

    python -m bench.gpu.broadcast [--mib 257] [--backend nccl]

Two processes, each with a GPU of its own as a run's learner and sampler have them; `--backend gloo` tries the same
without GPUs. The first broadcast connects the two and is told apart.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import torch
from torch.multiprocessing.spawn import spawn

from r1rl.broadcast import Broadcast, Host, Meeting

REPEATS = 5
PATIENCE_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=257, help="bytes to send: SmolLM2-135M's weights")
    parser.add_argument("--backend", default="nccl")
    options = parser.parse_args()
    if options.backend == "nccl" and torch.cuda.device_count() < 2:
        parser.error("needs two GPUs; `--backend gloo` does without")
    spawn(
        send_or_receive, (options.backend, options.mib * 2**20, torch.multiprocessing.get_context("spawn").Queue()), 2
    )
    if options.backend == "nccl":
        copy(options.mib * 2**20)


def send_or_receive(rank: int, backend: str, size: int, meetings: torch.multiprocessing.Queue) -> None:
    """Rank 0 sends, the other one receives, times and checks."""
    os.environ["CUDA_VISIBLE_DEVICES"] = str(rank)
    device = torch.device("cuda" if backend == "nccl" else "cpu")
    broadcast = _joined(rank, backend, device, meetings)
    values = (torch.arange(size, device=device) % 251).to(torch.uint8)
    buffer = values if rank == 0 else torch.zeros_like(values)
    for i in range(REPEATS):
        seconds = _timed(lambda: broadcast(buffer).wait(), device)
        if rank:
            print(f"{backend}, {'first' if i == 0 else 'again'}: {told(size, seconds)}", flush=True)
    assert torch.equal(buffer, values), "what was received is not what was sent"


def copy(size: int) -> None:
    """A copy from GPU 0 to GPU 1 within one process."""
    here, there = (torch.zeros(size, dtype=torch.uint8, device=f"cuda:{i}") for i in (0, 1))
    for _ in range(REPEATS):
        seconds = _timed(lambda: there.copy_(here), here.device)
    print(f"copy: {told(size, seconds)}")


def told(size: int, seconds: float) -> str:
    """
    >>> told(2**30, 0.01)
    '1024 MiB in 10.00 ms, 107 GB/s'
    """
    return f"{size / 2**20:.0f} MiB in {1000 * seconds:.2f} ms, {size / seconds / 1e9:.0f} GB/s"


def _joined(rank: int, backend: str, device: torch.device, meetings: torch.multiprocessing.Queue) -> Broadcast:
    if rank:
        meeting: Meeting = meetings.get(timeout=PATIENCE_S)
        return Broadcast(meeting, rank, device)
    host = Host(backend, 1, PATIENCE_S)
    meetings.put(host.meeting)
    return Broadcast(host.meeting, rank, device, host.store)


def _timed(act: Callable[[], object], device: torch.device) -> float:
    _settled(device)
    start = time.perf_counter()
    act()
    _settled(device)
    return time.perf_counter() - start


def _settled(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
