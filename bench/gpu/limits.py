"""How fast the parts could be: vLLM alone, r1rl's engines alone, and what the memory of the device allows.

    python -m bench.gpu.limits vllm short --policy FOLDER --out vllm.json [--logprobs] [--default-graphs]
    python -m bench.gpu.limits engine short --policy FOLDER --out engine.json --workers 2
    python -m bench.gpu.limits memory short --policy FOLDER --out memory.json

All sample the setting's prompts and lengths with the same policy. The first call of each is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.gpu import machine
from bench.gpu.settings import SETTINGS, SYSTEM, Setting, problems
from r1rl import chat
from r1rl.rollout import Prompt

CALLS = 2  # timed
COPY_BYTES = 2**31


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("vllm", "engine", "memory"))
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="engines on the one GPU")
    parser.add_argument("--logprobs", action="store_true", help="vllm: with the sampled token's log-prob")
    parser.add_argument("--default-graphs", action="store_true", help="vllm: its own compilation and CUDA graphs")
    parser.add_argument("--template", default=SYSTEM, help="how prompts are made")
    parser.add_argument("--memory-gib", type=float, default=16, help="KV cache of each engine")
    parser.add_argument("--options", type=json.loads, default={}, help="engine: more vLLM engine arguments, as JSON")
    options = parser.parse_args()
    setting = SETTINGS[options.setting]
    with machine.Watch() as watch:
        start = time.time()
        numbers = {"vllm": vllm_alone, "engine": engines_alone, "memory": memory}[options.what](setting, options)
        numbers |= watch.between(numbers.pop("since", start), time.time())
    told = {key: str(value) for key, value in vars(options).items()}
    machine.write(options.out, {"system": options.what, "options": told, "setting": setting.name, **numbers})
    print(json.dumps(numbers, indent=1))
    sys.stdout.flush()


def batches(setting: Setting, policy: Path, template: str) -> Iterator[list[Prompt]]:
    """New prompts for each call, as in training: what the prefix cache holds is of no use for them."""
    tokenizer = chat.load_tokenizer(policy)
    asked = problems(setting.prompts * (1 + CALLS))
    prompts = [Prompt(problem=p, ids_T=tuple(chat.render(template, p.question, tokenizer))) for p in asked]
    return iter([prompts[i : i + setting.prompts] for i in range(0, len(prompts), setting.prompts)])


def vllm_alone(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """vLLM's own LLM.generate, with r1rl's graphs or its own, ids in and ids out."""
    os.environ |= {"VLLM_USE_FLASHINFER_SAMPLER": "0", "HF_HUB_OFFLINE": "1"}
    from vllm import LLM, SamplingParams

    from r1rl.engine import compat

    spec = _spec(setting, options)
    ours = compat.engine_arguments(spec)
    left_out = ["distributed_executor_backend", "worker_extension_cls", "scheduler_cls", "weight_transfer_config"]
    left_out += ["compilation_config", "enforce_eager"] if options.default_graphs else []
    llm = LLM(**{key: value for key, value in ours.items() if key not in left_out})
    sampling = SamplingParams(
        n=setting.group,
        temperature=1.0,
        max_tokens=setting.max_tokens,
        logprobs=0 if options.logprobs else None,
        detokenize=False,
    )
    asked = batches(setting, options.policy, options.template)

    def call() -> int:
        prompts: list[Any] = [{"prompt_token_ids": list(prompt.ids_T)} for prompt in next(asked)]
        outputs = llm.generate(prompts, sampling, use_tqdm=False)
        return sum(len(c.token_ids) for output in outputs for c in output.outputs)

    return timed(call)


def engines_alone(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """r1rl's own engines, as a run uses them: log-probs, versions and the way to the driver included."""
    from r1rl import cluster
    from r1rl.cluster import Fleet
    from r1rl.engine.spec import Sampling

    asked = batches(setting, options.policy, options.template)
    eos = chat.load_tokenizer(options.policy).eos_token_id
    sampling = Sampling(samples=setting.group, temperature=1.0, max_tokens=setting.max_tokens, stop_ids=(eos,))
    fleet = Fleet(
        workers=options.workers,
        max_length=setting.max_length,
        max_sequences=min(1024, -(-setting.samples // options.workers)),
        memory_gib=options.memory_gib,
        options=options.options,
    )
    logs = Path(tempfile.mkdtemp(prefix="engines-"))
    with cluster.connected(None):
        hw = cluster.hardware("auto")
        model = json.loads((options.policy / "config.json").read_text())["model_type"]
        with cluster.engines(fleet, hw, options.policy, model, logs, version=0) as started:
            rollouts = cluster.rollouts(started, [engine.call("start") for engine in started], 300, 300)

            def call() -> int:
                groups = rollouts.sample(next(asked), sampling, seed=0)
                return sum(len(c.token_ids_T) for group in groups for c in group.completions_G)

            return timed(call)


def memory(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """Tokens a second if every decoding step only had to read the weights and each sequence's keys and values once."""
    import torch

    config = json.loads((options.policy / "config.json").read_text())
    weights = sum(file.stat().st_size for file in options.policy.glob("*.safetensors"))
    if config.get("kv_lora_rank"):
        per_token = config["num_hidden_layers"] * (config["kv_lora_rank"] + config["qk_rope_head_dim"]) * 2
    else:
        size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        per_token = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * size * 2
    prompt = statistics.mean(len(p.ids_T) for p in next(batches(setting, options.policy, options.template)))
    context = prompt + setting.max_tokens / 2
    step = weights + setting.samples * context * per_token  # bytes
    sheet = machine.limit(machine.BANDWIDTH, machine.gpu_name())
    found = _copy_bandwidth() if torch.cuda.is_available() else None
    return {
        "weights_bytes": weights,
        "cache_bytes_per_token": per_token,
        "prompt_tokens": prompt,
        "bytes_per_decoding_step": step,
        "bandwidth_sheet": sheet,
        "bandwidth_copy": found,
        "bound_tokens_per_second": sheet and setting.samples * sheet / step,
    }


def timed(call: Any) -> dict[str, Any]:
    """Tokens a second of CALLS calls after one that warms up."""
    call()
    since = time.time()
    seconds, tokens = [], []
    for _ in range(CALLS):
        start = time.perf_counter()
        tokens.append(call())
        seconds.append(time.perf_counter() - start)
    rates = [t / s for t, s in zip(tokens, seconds, strict=True)]
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": statistics.median(rates), "since": since}


def _spec(setting: Setting, options: argparse.Namespace) -> Any:
    import torch

    from r1rl.engine.spec import EngineSpec

    cuda = torch.cuda.device_count() > 0  # does not start CUDA in this process
    return EngineSpec(
        worker=0,
        model=options.policy,
        architecture=json.loads((options.policy / "config.json").read_text())["model_type"],
        device="cuda" if cuda else "cpu",
        dtype="bfloat16" if cuda else "float32",
        max_length=setting.max_length,
        max_sequences=min(1024, setting.samples),
        memory_gib=options.memory_gib,
        threads=len(os.sched_getaffinity(0)),
        log=Path(os.devnull),
    )


def _copy_bandwidth() -> float:
    """Bytes a second, read and written, of the best of ten copies within the device."""
    import torch

    source = torch.empty(COPY_BYTES, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(10):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        target.copy_(source)
        end.record()
        torch.cuda.synchronize()
        best = max(best, 2 * COPY_BYTES / (begin.elapsed_time(end) / 1e3))
    return best


if __name__ == "__main__":
    main()
