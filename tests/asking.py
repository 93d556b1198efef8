"""An engine that can be asked what its worker did."""

from __future__ import annotations

from r1rl.engine.actor import Engine


class AskingEngine(Engine):
    async def in_place(self) -> bool:
        """Whether the last weights were loaded in place."""
        return bool((await self.llm.collective_rpc("in_place"))[0])
