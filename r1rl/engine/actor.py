"""One rollout engine: a Ray actor around vLLM's AsyncLLM. Only this folder knows vLLM.

Requests of one call are all queued before the scheduler runs, and the sampler is seeded per call: the same weights,
prompts and seed give the same completions, however often the run was stopped in between.
"""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Awaitable, Callable
from typing import Any

from r1rl.broadcast import Meeting
from r1rl.engine import compat
from r1rl.engine.scheduler import unpack
from r1rl.engine.spec import EngineSpec, Sampling
from r1rl.errors import EngineError
from r1rl.output import redirect_output
from r1rl.packed import Freight
from r1rl.types import Completion


class Engine:
    """Lives in a process of its own that does nothing else: forking after torch has used its threads hangs vLLM."""

    def __init__(self, spec: EngineSpec) -> None:
        redirect_output(spec.log)
        os.environ.update(compat.environment(spec))
        self.spec = spec
        self.version = spec.version
        self._calls = 0
        self._asleep = False

    async def start(self) -> int:
        """Loads the model and opens the weight wire. Returns the process id.

        Raises EngineError for arguments that vLLM does not take, and else what vLLM raises.
        """
        from vllm.distributed.weight_transfer.base import WeightTransferInitRequest
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        try:
            self.llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**compat.engine_arguments(self.spec)))
        except ValueError as error:  # pydantic's, which cannot travel to the driver
            raise EngineError(
                f"rollout worker {self.spec.worker}: vLLM refuses to start with these arguments",
                str(error),
                "correct rollout.options, or what the message names",
            ) from None
        await self.llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info={"version": self.spec.version}))
        return os.getpid()

    async def join(self, meeting: Meeting, rank: int) -> None:
        """Meets the learner and the other engines, where weights are broadcast."""
        await self.llm.collective_rpc("r1rl_join", args=(pickle.dumps(meeting), rank))

    async def receive(self, parcel: Any) -> int:
        """Takes a new policy version and proves it arrived.

        Returns the version. Raises SyncError naming the first tensors that did not arrive as sent.
        """
        await self._wake()
        await compat.pause(self.llm, mode="wait", clear_cache=True)  # keys and values of the old policy
        await self._load(parcel, self.llm.start_weight_update)
        if compat.drafts(self.spec):
            await self._load(parcel, self.llm.start_draft_weight_update)
        self.version = parcel.version
        await self.llm.resume_generation()
        return self.version

    async def _load(self, parcel: Any, start: Callable[[], Awaitable[None]]) -> None:
        """Loads a parcel into the model that `start` selects: the policy's own, or its draft of the next tokens."""
        from vllm.distributed.weight_transfer.base import WeightTransferUpdateRequest

        from r1rl.sync import Receipt, verify

        await start()
        await self.llm.update_weights(WeightTransferUpdateRequest(update_info={"parcel": pickle.dumps(parcel)}))
        await self.llm.finish_weight_update()
        receipt = (await self.llm.collective_rpc("r1rl_receipt"))[0]
        verify(parcel, Receipt(**receipt), self.spec.worker)

    async def generate(self, prompts: list[tuple[int, ...]], sampling: Sampling, seed: int) -> list[list[Completion]]:
        """Samples completions for each prompt: a list per prompt, `sampling.samples` long."""
        self._calls += 1
        await self._wake()
        await compat.pause(self.llm, mode="keep", clear_cache=False)
        await self.llm.collective_rpc("r1rl_seed", args=(seed,))
        parameters = compat.sampling_parameters(sampling)
        queues = [
            await self.llm.add_request(f"{self._calls}-{i}", {"prompt_token_ids": list(prompt)}, parameters)
            for i, prompt in enumerate(prompts)
        ]
        await self.llm.resume_generation()
        completions = await self._completions(queues, sampling)
        await self._rest()
        return completions

    async def answer(self, prompt: tuple[int, ...], sampling: Sampling, seed: int) -> list[Completion]:
        """Samples completions of one prompt while others are in flight: with a seed of their own, which costs time."""
        self._calls += 1
        await self._wake()
        parameters = compat.sampling_parameters(sampling, seed)
        queue = await self.llm.add_request(f"{self._calls}-0", {"prompt_token_ids": list(prompt)}, parameters)
        return (await self._completions([queue], sampling))[0]

    async def _completions(self, queues: list[Any], sampling: Sampling) -> list[list[Completion]]:
        """Waits for all completions of these requests, and fetches their log-probs in one call."""
        outputs = [await queue.get() for queue in queues]
        ids = [i for queue in queues for i in compat.request_ids(queue, sampling.samples)]
        written = iter((await self.llm.collective_rpc("r1rl_written", args=(ids,)))[0])
        return [
            Freight(
                self._completion(c, len(output.prompt_token_ids), *next(written))
                for c in sorted(output.outputs, key=lambda c: c.index)
            )
            for output in outputs
        ]

    def _completion(self, c: Any, prompt_tokens: int, logprobs: bytes, versions: list[int]) -> Completion:
        logprobs_T = unpack(logprobs)
        if versions != [self.version] or len(logprobs_T) != len(c.token_ids):
            raise EngineError(
                f"rollout worker {self.spec.worker}: a completion of {len(c.token_ids)} tokens has {len(logprobs_T)} "
                f"log-probs, written by policy version(s) {versions}; the engine holds {self.version}",
                "log-probs of other weights or other tokens would be trained on",
                "this is a bug in the weight wire: report it with the run folder",
            )
        return Completion(
            token_ids_T=tuple(c.token_ids),
            logprobs_T=logprobs_T,
            finish=c.finish_reason or "abort",
            version=self.version,
            routes=compat.routes(c, prompt_tokens, self.spec),
        )

    async def _rest(self) -> None:
        """With vLLM's `enable_sleep_mode`, leaves the memory of the device to the learner until it is needed again."""
        if self.spec.options.get("enable_sleep_mode"):
            await self.llm.sleep(level=1)  # weights wait in the host's memory, keys and values are forgotten
            self._asleep = True

    async def _wake(self) -> None:
        if self._asleep:
            await self.llm.wake_up()
            self._asleep = False

    async def stop(self) -> None:
        """Ends vLLM's processes; the actor is killed afterwards."""
        if hasattr(self, "llm"):
            await asyncio.to_thread(self.llm.shutdown)
