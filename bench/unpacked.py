"""vLLM's CPU worker without its packing for oneDNN: weights stay as a checkpoint has them, as on a GPU."""

from __future__ import annotations

import vllm._custom_ops

from r1rl.engine import transfer

vllm._custom_ops._supports_onednn = False  # this module is imported by the worker before it loads a model


class Worker(transfer.Worker):
    def in_place(self) -> bool:
        """Whether the last weights were loaded in place."""
        return bool(self.weight_transfer_engine.in_place)
