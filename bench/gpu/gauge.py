"""Writes what the GPUs do, line by line: python bench/gpu/gauge.py FILE [ROOT]. Ends when it is killed.

A line is: seconds since the epoch, GPU, percent of the time since the line before in which the multiprocessors worked
(a counter of the hardware: NVML's GPM, from Hopper on), NVML's average over a sixth of a second or more, MiB in use, W,
MiB in use by the process ROOT and its descendants. Ten times a second: no counter is renewed more often. -1 stands for
what NVML does not say.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

PERIOD_S = 0.1
OWN_EVERY = 5  # looks: processes are asked for more rarely


def main() -> None:
    out, root = open(sys.argv[1], "w", buffering=1), int(sys.argv[2]) if len(sys.argv) > 2 else 0  # noqa: SIM115
    nvml = _nvml()
    nvml.nvmlInit()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(nvml.nvmlDeviceGetCount())))
    gpus = [(int(i), nvml.nvmlDeviceGetHandleByIndex(int(i))) for i in visible.split(",")]
    busy = {i: _hardware_counter(nvml, gpu) for i, gpu in gpus}
    own = dict.fromkeys(busy, -1.0)
    look = 0
    while True:
        for i, gpu in gpus:
            if root and look % OWN_EVERY == 0:
                own[i] = _own(nvml, gpu, root)
            average = nvml.nvmlDeviceGetUtilizationRates(gpu).gpu
            used, watt = nvml.nvmlDeviceGetMemoryInfo(gpu).used / 2**20, nvml.nvmlDeviceGetPowerUsage(gpu) / 1000
            out.write(f"{time.time():.3f},{i},{busy[i]():.1f},{average},{used:.0f},{watt:.0f},{own[i]:.0f}\n")
        look += 1
        time.sleep(PERIOD_S)


def _nvml() -> ModuleType:
    """NVML's Python binding, which vLLM carries; vLLM itself would take ten seconds to import."""
    found: Any = importlib.util.find_spec("vllm")
    path = Path(found.submodule_search_locations[0]) / "third_party" / "pynvml.py"
    spec: Any = importlib.util.spec_from_file_location("pynvml", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pynvml"] = module  # it looks itself up there
    spec.loader.exec_module(module)
    return module


def _hardware_counter(nvml: Any, gpu: Any) -> Callable[[], float]:
    try:
        supported = nvml.nvmlGpmQueryDeviceSupport(gpu).isSupportedDevice
        samples = [nvml.nvmlGpmSampleAlloc() for _ in range(2)] if supported else []
        if samples:
            nvml.nvmlGpmSampleGet(gpu, samples[0])
    except nvml.NVMLError:
        samples = []

    def busy() -> float:
        if not samples:
            return -1.0
        nvml.nvmlGpmSampleGet(gpu, samples[1])
        asked = nvml.c_nvmlGpmMetricsGet_t()
        asked.version, asked.numMetrics = nvml.NVML_GPM_METRICS_GET_VERSION, len(metrics)
        asked.sample1, asked.sample2 = samples
        for place, metric in enumerate(metrics):
            asked.metrics[place].metricId = metric
        nvml.nvmlGpmMetricsGet(asked)
        samples.reverse()
        found = [asked.metrics[place] for place in range(len(metrics))]
        return max((float(m.value) for m in found if m.nvmlReturn == 0), default=-1.0)

    metrics = (nvml.NVML_GPM_METRIC_GRAPHICS_UTIL, nvml.NVML_GPM_METRIC_SM_UTIL)
    return busy


def _own(nvml: Any, gpu: Any, root: int) -> float:
    found = [(p.pid, p.usedGpuMemory or 0) for p in nvml.nvmlDeviceGetComputeRunningProcesses(gpu)]
    return sum(used for pid, used in found if _descends(pid, root)) / 2**20 if found else -1.0


def _descends(pid: int, root: int) -> bool:
    while pid > 1 and pid != root:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has ended meanwhile
            return False
    return pid == root


if __name__ == "__main__":
    main()
