"""One way to run a DeepSeek-V3 policy in vLLM on a GPU: does it start, take weights, sample three times, and agree?

    python3 -m bench.gpu.v3_probe VARIANT FOLDER        prints one line; v3_probe.sh runs all variants, a process each

FOLDER is a policy of size 100M-mtp. Its weights are moved a little and sent through CUDA IPC, so that what vLLM
loaded from the folder is never what is measured.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

import r1rl.engine.actor as actor
from r1rl.engine import compat
from r1rl.engine.spec import EngineSpec, Sampling
from r1rl.policy import model as policy_model
from r1rl.policy.companion import Settings, companions
from r1rl.sync import Outbox
from r1rl.types import Completion, Sample

SEQUENCES, PROMPT, LENGTH, TEMPERATURE = 1024, 32, 192, 0.8
SIZES = [1, 2, 4, *range(8, SEQUENCES + 1, 8)]


def graphs(mode: str = "FULL_DECODE_ONLY", compiled: int = 0, **more: Any) -> dict[str, Any]:
    config = {"mode": compiled, "cudagraph_mode": mode, "cudagraph_capture_sizes": SIZES}
    return {"enforce_eager": False, "compilation_config": config, **more}


def backend(name: str, **more: Any) -> dict[str, Any]:
    return {"attention_config": {"backend": name, **more}}


MTP = {"speculative_config": {"method": "mtp", "num_speculative_tokens": 1}}
VARIANTS: dict[str, dict[str, Any]] = {
    "eager": {},
    "r3": {"enable_return_routed_experts": True},
    "mtp": MTP,
    "mtp+r3": MTP | {"enable_return_routed_experts": True},
    "fp8": {"quantization": "fp8"},
    "fp8 blocks": {"quantization": "fp8_per_block"},
    "graphs": graphs(),
    "graphs, one split": graphs(**backend("FLASH_ATTN_MLA", flash_attn_max_num_splits_for_cuda_graph=1)),
    "graphs, no async": graphs(async_scheduling=False),
    "graphs, no prefix cache": graphs(enable_prefix_caching=False),
    "graphs, piecewise": graphs("PIECEWISE", compiled=3),
    "graphs, flashmla": graphs(**backend("FLASHMLA")),
    "graphs, triton": graphs(**backend("TRITON_MLA")),
    "graphs, no mla": graphs(),
    "graphs + r3": graphs(enable_return_routed_experts=True),
}


def logprobs(model: Any, sample: Sample) -> torch.Tensor:
    ids = torch.tensor([[*sample.prompt_ids_T, *sample.token_ids_T]], device="cuda")
    with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
        logits = model(input_ids=ids, use_cache=False).logits[0, len(sample.prompt_ids_T) - 1 : -1].float()
    return torch.log_softmax(logits / TEMPERATURE, -1).gather(1, ids[0, len(sample.prompt_ids_T) :, None])[:, 0]


def gap(model: Any, samples: list[Sample], replay: Any = None) -> float:
    """Mean difference from the sampler's log-probs, in nats; with a replay, through the sampler's experts."""
    total, tokens = 0.0, 0
    for s in samples:
        length = len(s.prompt_ids_T) + len(s.token_ids_T)
        batch = SimpleNamespace(samples=[s], sequence_BT=torch.zeros(1, length, dtype=torch.long, device="cuda"))
        if replay:
            with replay.training(batch):
                own = logprobs(model, s)
        else:
            own = logprobs(model, s)
        total += (own.cpu() - torch.tensor(list(s.logprobs_T))).abs().sum().item()
        tokens += len(s.token_ids_T)
    return total / tokens


def sample(prompt: tuple[int, ...], c: Completion) -> Sample:
    zeros = (0.0,) * len(c.token_ids_T)
    return Sample(
        prompt_ids_T=prompt, token_ids_T=c.token_ids_T, logprobs_T=c.logprobs_T, advantages_T=zeros, routes=c.routes
    )


def draft(worker: Any) -> dict[str, float]:
    """Runs in vLLM's worker: sums of some of the draft model's weights."""
    found = dict(worker.get_draft_model().named_parameters())
    return {n: p.double().sum().item() for n, p in found.items() if n.endswith(("enorm.weight", "eh_proj.weight"))}


async def probe(variant: str, folder: Path) -> str:
    options = VARIANTS[variant]
    spec = EngineSpec(
        worker=0, model=folder, architecture="deepseek_v3", device="cuda", dtype="bfloat16", max_length=LENGTH,
        max_sequences=SEQUENCES, memory_gib=8, threads=4, log=Path("unused"), options=options,
    )  # fmt: skip
    engine = actor.Engine(spec)
    if variant == "graphs, no mla":
        os.environ["VLLM_MLA_DISABLE"] = "1"  # plain multi-head attention, as for head sizes without a kernel
    start = time.monotonic()
    await engine.start()
    started = time.monotonic() - start
    model: Any = policy_model.load(folder, torch.bfloat16, torch.device("cuda"))
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * parameter.std() * torch.randn_like(parameter) if parameter.ndim > 1 else 0.01)
    outbox = Outbox("ipc", torch.device("cuda"), "probe")
    prompts = [tuple(torch.randint(5, 90, (PROMPT,)).tolist()) for _ in range(SEQUENCES // 16)]
    says = [f"start {started:.0f} s"]
    for call in range(3):
        kept = policy_model.exported(model, torch.bfloat16), policy_model.outlines(model, torch.bfloat16)
        await engine.receive(outbox.pack(call + 1, *kept))
        start = time.monotonic()
        sampling = Sampling(samples=16, temperature=TEMPERATURE, max_tokens=LENGTH - PROMPT, stop_ids=())
        groups = await engine.generate(prompts, sampling, call)
        tokens = sum(len(c.token_ids_T) for group in groups for c in group)
        says.append(f"call {call + 1}: {tokens / (time.monotonic() - start):,.0f} tokens/s")
    some = [sample(p, group[0]) for p, group in zip(prompts, groups, strict=True)]
    says.append(f"gap {gap(model, some):.4f}")
    if options.get("enable_return_routed_experts"):
        replay = companions(model, Settings(replay="r3"))[0]
        says.append(f"{some[0].routes.tokens} routes" if some[0].routes else "NO ROUTES")
        says.append(f"gap replayed {gap(model, some, replay):.4f}")
    if compat.drafts(spec):
        theirs = (await engine.llm.collective_rpc(draft))[0]  # type: ignore[arg-type]
        ours = dict(policy_model.exported(model, torch.bfloat16))
        far = [n for n, value in theirs.items() if abs(ours[n].double().sum().item() - value) > 1e-2]
        says.append(f"draft weights {'arrived' if theirs and not far else f'WRONG: {far or theirs}'}")
    outbox.close()
    await engine.stop()
    return ", ".join(says)


if __name__ == "__main__":
    actor.redirect_output = lambda log: None  # the shell script keeps the output
    torch.set_float32_matmul_precision("high")
    line = asyncio.run(probe(sys.argv[1], Path(sys.argv[2])))
    print(f"== {sys.argv[1]}: {line}", flush=True)
