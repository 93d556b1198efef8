"""TRL's GRPOTrainer on the same setting: python -m bench.gpu.trl_speed short --policy FOLDER --out results/trl.json.

vLLM colocated, one update for each generation, no KL, temperature 1, bf16 autocast over fp32 weights, no gradient
checkpointing. `--tuned` also leaves out the second forward pass by which TRL corrects for the sampler's log-probs; r1rl
has no such pass in this algorithm. Prompts are the same texts, the reward is the same function.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.gpu import machine
from bench.gpu.settings import BETAS, SEED, SETTINGS, WARM, Setting, problems, prompt
from r1rl.rewards import controls, number
from r1rl.types import Problem, Verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=32, help="sequences of one forward pass of the learner")
    parser.add_argument("--tuned", action="store_true", help="without the pass for importance sampling correction")
    parser.add_argument("--liger", action="store_true", help="Liger's fused kernels")
    parser.add_argument("--memory-gib", type=float, default=16, help="KV cache of vLLM")
    parser.add_argument(
        "--no-vllm", action="store_true", help="transformers' own generation: to try this without a GPU"
    )
    options = parser.parse_args()
    setting = SETTINGS[options.setting]
    trainer, clock = build(setting, options)
    with machine.Watch() as watch:
        try:
            trainer.train()
        finally:
            numbers = summary(setting, clock)
    numbers |= watch.between(clock.ends[WARM - 1], clock.ends[-1]) if numbers["steps"] else {}
    told = {key: str(value) for key, value in vars(options).items()}
    machine.write(
        options.out, {"system": "trl", "options": told, "exit": 0, **numbers, "rows": trainer.state.log_history}
    )
    print(json.dumps({key: value for key, value in numbers.items() if key != "reward"}, indent=1))
    sys.exit(not numbers["steps"])


class Clock:
    """Seconds spent in wrapped functions, step by step, and when each step ended."""

    def __init__(self) -> None:
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


def build(setting: Setting, options: argparse.Namespace) -> tuple[Any, Clock]:
    """The trainer, with its rollout and its weight sync timed."""
    import torch
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    clock = Clock()

    class Steps(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.end_step()

    steps = WARM + setting.steps
    asked = problems(setting, setting.prompts * steps)
    data = Dataset.from_list(
        [{"prompt": prompt(setting, p, options.policy), "gold": p.gold, "id": p.id} for p in asked]
    )
    rows = min(options.rows, setting.samples)
    cuda = torch.cuda.is_available()
    if not options.no_vllm:
        _fix_cache(options.memory_gib)
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
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    trainer = GRPOTrainer(
        model=str(options.policy),
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


def _fix_cache(gib: float) -> None:
    """Gives TRL's vLLM a cache of this size, as r1rl's has one; by a share of the GPU it would take all of that."""
    from trl.generation import vllm_generation

    vllm_generation.LLM = partial(vllm_generation.LLM, kv_cache_memory_bytes=int(gib * 2**30))


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
