"""How fast the parts could be: vLLM alone, r1rl's engines alone, and what the memory of the device allows.

    python -m bench.gpu.limits vllm short long --policy FOLDER --out RESULTS [--default-graphs]
    python -m bench.gpu.limits engine short --policy FOLDER --out RESULTS --workers 2
    python -m bench.gpu.limits memory short long --policy FOLDER --out RESULTS

Writes RESULTS/WHAT-SETTING.json. All sample the setting's prompts and lengths with the same policy. The first call of a
process, in which kernels compile, is not counted. vLLM is asked without log-probs and, in the first setting, with them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.gpu import machine
from bench.gpu.settings import SETTINGS, Setting, problems
from r1rl import chat
from r1rl.rollout import Prompt

CALLS = 2  # timed
COPY_BYTES = 2**31


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("vllm", "engine", "memory"))
    parser.add_argument("settings", nargs="+", choices=SETTINGS)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=1, help="engines on the one GPU")
    parser.add_argument("--default-graphs", action="store_true", help="vllm: its own compilation and CUDA graphs")
    parser.add_argument("--template", help="how prompts are made; default: the setting's")
    parser.add_argument("--memory-gib", type=float, default=16, help="KV cache of each engine")
    parser.add_argument("--options", type=json.loads, default={}, help="engine: more vLLM engine arguments, as JSON")
    options = parser.parse_args()
    settings = [SETTINGS[name] for name in options.settings]
    told = {key: str(value) for key, value in vars(options).items()}
    with machine.Watch() as watch:
        found = list({"vllm": vllm_alone, "engine": engines_alone, "memory": memory}[options.what](settings, options))
    for name, numbers in found:
        while_it_ran = watch.between(numbers.pop("since"), numbers.pop("until")) if "since" in numbers else {}
        written = {"system": options.what, "options": told, **numbers, **while_it_ran}
        machine.write(options.out / f"{options.what}-{name}.json", written)
        print(name, json.dumps(numbers), flush=True)


Found = Iterator[tuple[str, dict[str, Any]]]  # the setting's name, and its numbers


def batches(setting: Setting, options: argparse.Namespace) -> Iterator[list[Prompt]]:
    """New prompts for each call, as in training: what the prefix cache holds is of no use for them."""
    tokenizer = chat.load_tokenizer(options.policy)
    template = options.template or setting.template
    for start in itertools.count(0, setting.prompts):
        asked = problems(setting, start + setting.prompts)[start:]
        yield [Prompt(problem=p, ids_T=tuple(chat.render(template, p.question, tokenizer))) for p in asked]


def vllm_alone(settings: list[Setting], options: argparse.Namespace) -> Found:
    """vLLM's own LLM.generate, with r1rl's graphs or its own, ids in and ids out."""
    os.environ |= {"VLLM_USE_FLASHINFER_SAMPLER": "0", "HF_HUB_OFFLINE": "1"}
    from vllm import LLM, SamplingParams

    from r1rl.engine import compat

    ours = compat.engine_arguments(_spec(settings, options))
    left_out = ["distributed_executor_backend", "worker_extension_cls", "scheduler_cls", "weight_transfer_config"]
    left_out += ["compilation_config", "enforce_eager"] if options.default_graphs else []
    llm = LLM(**{key: value for key, value in ours.items() if key not in left_out})
    cases = [(setting, None) for setting in settings] + [(settings[0], 0)]
    for i, (setting, logprobs) in enumerate(cases):
        sampling = SamplingParams(
            n=setting.group, temperature=1.0, max_tokens=setting.max_tokens, logprobs=logprobs, detokenize=False
        )
        asked = batches(setting, options)

        def call(sampling: Any = sampling, asked: Iterator[list[Prompt]] = asked) -> int:
            prompts: list[Any] = [{"prompt_token_ids": list(prompt.ids_T)} for prompt in next(asked)]
            outputs = llm.generate(prompts, sampling, use_tqdm=False)
            return sum(len(c.token_ids) for output in outputs for c in output.outputs)

        yield setting.name + ("-logprobs" if logprobs == 0 else ""), timed(call, warm=i == 0)


def engines_alone(settings: list[Setting], options: argparse.Namespace) -> Found:
    """r1rl's own engines, as a run uses them: log-probs, versions and the way to the driver included."""
    from r1rl import cluster
    from r1rl.cluster import Fleet
    from r1rl.engine.spec import Sampling

    eos = chat.load_tokenizer(options.policy).eos_token_id
    spec = _spec(settings, options)
    fleet = Fleet(
        workers=options.workers,
        max_length=spec.max_length,
        max_sequences=-(-spec.max_sequences // options.workers),
        memory_gib=options.memory_gib,
        options=options.options,
    )
    logs = Path(tempfile.mkdtemp(prefix="engines-"))
    with cluster.connected(None):
        hw = cluster.hardware("auto")
        with cluster.engines(fleet, hw, options.policy, spec.architecture, logs, version=0) as started:
            rollouts = cluster.rollouts(started, [engine.call("start") for engine in started], 300, 300)
            for i, setting in enumerate(settings):
                sampling = Sampling(
                    samples=setting.group, temperature=1.0, max_tokens=setting.max_tokens, stop_ids=(eos,)
                )
                asked = batches(setting, options)

                def call(sampling: Sampling = sampling, asked: Iterator[list[Prompt]] = asked) -> int:
                    of_engines = rollouts.arriving(next(asked), sampling, seed=0)
                    groups = [group for groups in of_engines for group in groups.values()]
                    return sum(len(c.token_ids_T) for group in groups for c in group.completions_G)

                yield setting.name, timed(call, warm=i == 0)


def memory(settings: list[Setting], options: argparse.Namespace) -> Found:
    """Tokens a second if every decoding step only had to read the weights and each sequence's keys and values once."""
    import torch

    config = json.loads((options.policy / "config.json").read_text())
    weights = sum(file.stat().st_size for file in options.policy.glob("*.safetensors"))
    if config.get("kv_lora_rank"):
        per_token = config["num_hidden_layers"] * (config["kv_lora_rank"] + config["qk_rope_head_dim"]) * 2
    else:
        size = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        per_token = 2 * config["num_hidden_layers"] * config["num_key_value_heads"] * size * 2
    sheet = machine.limit(machine.BANDWIDTH, machine.gpu_name())
    copied = _copy_bandwidth() if torch.cuda.is_available() else None
    for setting in settings:
        prompt = statistics.mean(len(p.ids_T) for p in next(batches(setting, options)))
        context = prompt + setting.max_tokens / 2
        step = weights + setting.samples * context * per_token  # bytes
        yield (
            setting.name,
            {
                "setting": setting.name,
                "weights_bytes": weights,
                "cache_bytes_per_token": per_token,
                "prompt_tokens": prompt,
                "bytes_per_decoding_step": step,
                "bandwidth_sheet": sheet,
                "bandwidth_copy": copied,
                "bound_tokens_per_second": sheet and setting.samples * sheet / step,
            },
        )


def timed(call: Any, warm: bool) -> dict[str, Any]:
    """Tokens a second of CALLS calls, after one that is not counted where the process is still cold."""
    if warm:
        call()
    since = time.time()
    seconds, tokens = [], []
    for _ in range(CALLS):
        start = time.perf_counter()
        tokens.append(call())
        seconds.append(time.perf_counter() - start)
    rates = [t / s for t, s in zip(tokens, seconds, strict=True)]
    rate = statistics.median(rates)
    return {"tokens": tokens, "seconds": seconds, "tokens_per_second": rate, "since": since, "until": time.time()}


def _spec(settings: list[Setting], options: argparse.Namespace) -> Any:
    import torch

    from r1rl.engine.spec import EngineSpec

    cuda = torch.cuda.device_count() > 0  # does not start CUDA in this process
    return EngineSpec(
        worker=0,
        model=options.policy,
        architecture=json.loads((options.policy / "config.json").read_text())["model_type"],
        device="cuda" if cuda else "cpu",
        dtype="bfloat16" if cuda else "float32",
        max_length=max(setting.max_length for setting in settings),
        max_sequences=min(1024, max(setting.samples for setting in settings)),
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
