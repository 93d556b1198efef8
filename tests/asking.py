"""An engine that can be asked what its worker did, and a process that judges single layers of vLLM's as it would."""

from __future__ import annotations

from typing import Any

from r1rl.engine.actor import Engine


class AskingEngine(Engine):
    async def in_place(self) -> bool:
        """Whether the last weights were loaded in place."""
        return bool((await self.llm.collective_rpc("in_place"))[0])


class Layers:
    """In a process of its own: transfer.py ties the process that imports it to its parent."""

    def __init__(self, spec: Any) -> None:
        pass

    def compute_as_stored(self) -> dict[str, bool]:
        import torch
        from vllm.model_executor.layers.linear import UnquantizedLinearMethod

        from r1rl.engine.transfer import computes_as_stored

        layers: dict[str, Any] = {kind: torch.nn.Linear(2, 2) for kind in ("bare", "plain", "quantized", "deriving")}
        layers["plain"].quant_method = UnquantizedLinearMethod()
        layers["quantized"].quant_method = object()
        layers["deriving"].process_weights_after_loading = lambda dtype: None
        return {kind: computes_as_stored(layer) for kind, layer in layers.items()}
