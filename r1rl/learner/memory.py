"""How much memory an update took at its most."""

from __future__ import annotations

import resource

import torch

GIB = 2**30


def reset(device: torch.device) -> None:
    """Starts counting anew; on a CPU the count is of the whole process since it began."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_gib(device: torch.device) -> float:
    """Allocated on the GPU since `reset`, or the largest resident size of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / GIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
