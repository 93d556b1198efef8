"""TRL's GRPOTrainer on the same settings: python -m bench.gpu.trl_speed short long --policy FOLDER --out RESULTS.

vLLM colocated, one update for each generation, no KL, temperature 1, bf16 autocast over fp32 weights, no gradient
checkpointing, as many sequences in a pass of the learner as fit. `--tuned` also leaves out the second forward pass by
which TRL corrects for the sampler's log-probs; r1rl has no such pass in this algorithm. Prompts are the same texts, the
reward is the same function.

All settings share one engine, large enough for each, because it takes minutes to start; before each step TRL gives it
the weights of the trainer at hand. Writes RESULTS/trl-SETTING.json, each as soon as it is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.gpu import machine
from bench.gpu.settings import BETAS, SEED, SETTINGS, WARM, Setting, problems, prompts
from r1rl.rewards import controls, number
from r1rl.types import Problem, Verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", nargs="+", choices=SETTINGS)
    parser.add_argument("--policy", type=Path, required=True, help="for the settings that are about speed")
    parser.add_argument("--base", type=Path, help="for those in which answers end by themselves")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--after", type=Path, help="start everything, but take no step before this file is there")
    parser.add_argument("--tuned", action="store_true", help="without the pass for importance sampling correction")
    parser.add_argument("--liger", action="store_true", help="Liger's fused kernels")
    parser.add_argument("--memory-gib", type=float, default=16, help="KV cache of vLLM")
    parser.add_argument(
        "--no-vllm", action="store_true", help="transformers' own generation: to try this without a GPU"
    )
    options = parser.parse_args()
    settings = [SETTINGS[name] for name in options.settings]
    if not options.no_vllm:
        share_engine(settings, options.memory_gib)
    measured = [measure(setting, options) for setting in settings]
    sys.exit(not all(measured))


def measure(setting: Setting, options: argparse.Namespace) -> bool:
    """Writes one setting's numbers; whether there are any."""
    import torch

    rows = min(setting.rows, setting.samples)
    while True:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            numbers = run(setting, rows, options)
            break
        except torch.OutOfMemoryError as error:
            print(f"{setting.name}: {rows} sequences in a pass don't fit: {str(error)[:200]}", flush=True)
            if rows <= setting.group:
                return False
        rows //= 2  # out here, where the trainer that was too large is gone
    told = {key: str(value) for key, value in (vars(options) | {"rows": rows}).items()}
    machine.write(options.out / f"trl-{setting.name}.json", {"system": "trl", "options": told, "exit": 0, **numbers})
    print(json.dumps({key: value for key, value in numbers.items() if key not in LONG}, indent=1), flush=True)
    return bool(numbers["steps"])


LONG = ("reward", "rows", "trace")


def run(setting: Setting, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """Trains, and tells what it took."""
    trainer, clock = build(setting, rows, options)
    while options.after and not options.after.exists():
        time.sleep(1)
    clock.started = time.time()
    print(f"{time.strftime('%T')}: {setting.name} starts, {rows} sequences in a pass", flush=True)
    with machine.Watch() as watch:
        trainer.train()
    numbers = summary(setting, clock)
    if numbers["steps"]:
        numbers |= watch.steps([clock.started, *clock.ends][WARM:])
    return numbers | {"rows": trainer.state.log_history}


class Clock:
    """Seconds spent in wrapped functions, step by step, and when each step ended."""

    def __init__(self) -> None:
        self.started = 0.0
        self.ends: list[float] = []
        self.rooms: list[dict[str, float]] = [{}]
        self.tokens: list[int] = []
        self.reward: list[float] = []

    def wrap(self, room: str, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        def timed(*arguments: Any, **options: Any) -> Any:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            start = time.time()
            result = function(*arguments, **options)
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.rooms[-1][room] = self.rooms[-1].get(room, 0.0) + time.time() - start
            return result

        return timed

    def end_step(self) -> None:
        self.ends.append(time.time())
        self.rooms.append({})


def build(setting: Setting, rows: int, options: argparse.Namespace) -> tuple[Any, Clock]:
    """The trainer, with its rollout and its weight sync timed."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from r1rl import chat

    clock = Clock()

    class Steps(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.end_step()

    policy = options.base if setting.natural else options.policy
    steps = WARM + setting.steps
    asked = problems(setting, setting.prompts * steps)
    texts = prompts(setting, asked, policy)
    data = Dataset.from_list(
        [{"prompt": text, "gold": p.gold, "id": p.id} for text, p in zip(texts, asked, strict=True)]
    )
    cuda = torch.cuda.is_available()
    end = {"stop_token_ids": [chat.load_tokenizer(policy).eos_token_id]}  # the engine may know another policy's
    config = GRPOConfig(
        output_dir=tempfile.mkdtemp(prefix="trl-"),
        seed=SEED,
        max_steps=steps,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=setting.samples // rows,
        num_generations=setting.group,
        max_completion_length=setting.max_tokens,
        temperature=1.0,
        beta=0.0,
        epsilon=0.2,
        num_iterations=1,
        loss_type="dapo",
        learning_rate=setting.lr,
        lr_scheduler_type="constant",
        adam_beta1=BETAS[0],
        adam_beta2=BETAS[1],
        weight_decay=0.0,
        max_grad_norm=1.0,
        bf16=cuda,
        use_cpu=not cuda,
        gradient_checkpointing=False,
        use_liger_kernel=options.liger,
        shuffle_dataset=False,
        use_vllm=not options.no_vllm,
        vllm_mode="colocate",
        vllm_gpu_memory_utilization=0.1,
        vllm_max_model_length=setting.max_length,
        vllm_importance_sampling_correction=not options.tuned,
        generation_kwargs=None if options.no_vllm else end,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=str(policy),
        reward_funcs=reward_of(setting, clock),
        args=config,
        train_dataset=data,
        callbacks=[Steps()],
    )
    trainer._generate_and_score_completions = clock.wrap("generate_and_score", trainer._generate_and_score_completions)
    trainer._calculate_rewards = clock.wrap("reward", trainer._calculate_rewards)
    if not options.no_vllm:
        trainer.vllm_generation.generate = clock.wrap("rollout", trainer.vllm_generation.generate)
        trainer.vllm_generation.sync_weights = clock.wrap("sync", trainer.vllm_generation.sync_weights)
    return trainer, clock


def share_engine(settings: Sequence[Setting], gib: float) -> None:
    """Gives all of TRL's trainers one vLLM, with a cache of this size as r1rl's has one: TRL knows only shares."""
    from trl.generation import vllm_generation

    start = vllm_generation.LLM
    started: list[Any] = []

    def shared(**arguments: Any) -> Any:
        if not started:
            arguments["max_model_len"] = max(setting.max_length for setting in settings)
            arguments["max_num_seqs"] = max(setting.samples for setting in settings)
            started.append(start(**arguments, kv_cache_memory_bytes=int(gib * 2**30)))
        return started[0]

    vllm_generation.LLM = shared


def reward_of(setting: Setting, clock: Clock) -> Callable[..., list[float]]:
    """The same judgement that r1rl makes, as TRL wants it."""

    def reward(prompts: list[str], completions: list[str], completion_ids: Any = None, **columns: Any) -> list[float]:
        values = []
        for text, gold, place in zip(completions, columns["gold"], columns["id"], strict=True):
            problem = Problem(id=place, question="", gold=gold)
            right = number.correct(problem, text) is Verdict.CORRECT
            values.append(float(right) if setting.natural else controls.coin(problem, text))
        clock.tokens.append(sum(len(ids) for ids in completion_ids or []))
        clock.reward.append(statistics.mean(values))
        return values

    return reward


def summary(setting: Setting, clock: Clock) -> dict[str, Any]:
    """Means over the timed steps, under the names that speed.py gives them."""
    ends = clock.ends
    steps = max(0, min(setting.steps, len(ends) - WARM))
    if not steps:
        return {"setting": setting.name, "steps": 0}
    wall = [b - a for a, b in zip(ends[WARM - 1 :], ends[WARM : WARM + steps], strict=False)]
    rooms = clock.rooms[WARM : WARM + steps]
    mean = {
        room: statistics.mean(step.get(room, 0.0) for step in rooms) for room in {r for step in rooms for r in step}
    }
    seconds = statistics.mean(wall)
    tokens = statistics.mean(clock.tokens[WARM : WARM + steps])
    learner = (
        seconds - mean.get("rollout", mean["generate_and_score"]) - mean.get("sync", 0.0) - mean.get("reward", 0.0)
    )
    return {
        "setting": setting.name,
        "steps": steps,
        "seconds_per_step": seconds,
        "seconds_per_step_each": wall,
        "samples_per_second": setting.samples / seconds,
        "tokens_per_step": tokens,
        "seconds": mean | {"learner": learner},
        "rollout_tokens_per_second": tokens / mean.get("rollout", mean["generate_and_score"]),
        "learner_tokens_per_second": tokens / learner,
        "reward": clock.reward,
    }


if __name__ == "__main__":
    main()
