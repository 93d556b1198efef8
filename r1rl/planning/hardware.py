"""What a plan can be made for: a few GPUs as their makers describe them, and the CPU of this machine.

Memory is what a process finds ("total capacity" in torch's messages), not what the name says. Bandwidth, dense bf16
rate (half of what is printed "with sparsity") and link are those of NVIDIA's data sheets. H100, H200 and A100 80GB are
the SXM form; H800 and H20 are variants for export, the first with less NVLink, the second with 148 TFLOP/s; L40S and
RTX 4090 (with fp32 sums) sit on PCIe; B200 is one of HGX B200's eight.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from r1rl.errors import UserError
from r1rl.nearest import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Card:
    """One GPU, or the CPU.

    >>> card("h100").tflops
    989
    """

    name: str
    memory_gib: float
    bandwidth_gbs: float  # GB/s from its memory
    tflops: float  # TFLOP/s, dense bf16 (CPU: what it reaches in fp32)
    link_gbs: float  # GB/s between two of one host, both directions together
    on_gpu: bool = True


GPUS = {
    gpu.name: gpu
    for gpu in (
        Card(name="b200", memory_gib=178.3, bandwidth_gbs=8000, tflops=2250, link_gbs=1800),
        Card(name="h200", memory_gib=139.8, bandwidth_gbs=4800, tflops=989, link_gbs=900),
        Card(name="h100", memory_gib=79.1, bandwidth_gbs=3350, tflops=989, link_gbs=900),
        Card(name="h800", memory_gib=79.1, bandwidth_gbs=3350, tflops=989, link_gbs=400),
        Card(name="h20", memory_gib=95.0, bandwidth_gbs=4000, tflops=148, link_gbs=900),
        Card(name="a100", memory_gib=79.1, bandwidth_gbs=2039, tflops=312, link_gbs=600),
        Card(name="l40s", memory_gib=44.4, bandwidth_gbs=864, tflops=362, link_gbs=64),
        Card(name="rtx4090", memory_gib=23.5, bandwidth_gbs=1008, tflops=165, link_gbs=64),
    )
}
CORE_GFLOPS = 30  # reached in fp32 training by one core of a server CPU with AVX-512 or AVX2
CORE_GBS = 10


def card(name: str) -> Card:
    """The card of this name; "cpu" is this machine. Raises UserError with the nearest name."""
    if name == "cpu":
        return _this_machine()
    if name not in GPUS:
        raise UserError(
            f"there is no GPU `{name}` here",
            "memory and time are counted from a card's memory, bandwidth and rate",
            did_you_mean(name, [*GPUS, "cpu"]) + f" ({', '.join(GPUS)} or cpu)",
        )
    return GPUS[name]


def _this_machine() -> Card:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rate = cores * CORE_GFLOPS / 1000
    bandwidth = cores * CORE_GBS
    return Card(name="cpu", memory_gib=memory, bandwidth_gbs=bandwidth, tflops=rate, link_gbs=bandwidth, on_gpu=False)
