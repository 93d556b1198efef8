"""The same worker, but all weights go through vLLM's layerwise reload."""

from __future__ import annotations

from bench.unpacked import Worker as Worker
from r1rl.engine import transfer

transfer.computes_as_stored = lambda layer: False
