"""What a command line asks for, made into a plan; and the few lines that a person sees of the results."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from r1rl.chat import OPENING
from r1rl.cluster import Fleet
from r1rl.evaluation.presets import Preset
from r1rl.evaluation.report import headline
from r1rl.evaluation.results import Results
from r1rl.evaluation.run import Plan, evaluate
from r1rl.evaluation.suites import open_suite
from r1rl.evaluation.target import Target

RATES = {"no_answer": "no answer found in", "truncated": "cut off", "ungradable": "not gradable"}
PROMPT = 4096  # tokens left for a prompt where the context is longer than an answer may be
MEMORY = 4.0  # GiB of KV cache for a policy without a recipe
DEADLINE_S = 600.0  # for an engine to start
ANSWER_S = 3600.0  # in which at least one of the problems in flight must be answered


def ask(
    console: Console,
    target: Target,
    preset: Preset,
    *,
    suites: Sequence[str],
    problems: int | None,
    seed: int,
    workers: int,
    at_once: int,
    memory_gib: float | None,
    dtype: str | None,
    address: str | None,
    out: Path | None,
) -> list[Results]:
    """Evaluates a policy and says what came out. Raises R1Error."""
    asked = [open_suite(name, target, problems) for name in suites]
    answers = max(len(suite.problems) for suite in asked) * preset.samples
    plan = plan_of(
        target,
        preset,
        seed=seed,
        workers=workers,
        at_once=min(at_once, answers),
        memory_gib=memory_gib,
        dtype=dtype,
        address=address,
    )
    folder = out or _folder(target, preset)
    console.print(
        f"{target.folder}: {preset.samples} answer(s) to each problem, temperature {preset.temperature:g}, "
        f"top-p {preset.top_p:g}, at most {preset.max_tokens} tokens, prompt {preset.template}; into {folder}",
        highlight=False,
    )
    results = evaluate(console, plan, asked, folder)
    for found in results:
        rates = ", ".join(f"{name} {found.rates[key] or 0:.1%}" for key, name in RATES.items())
        console.print(f"{found.suite}: {headline(found)}\n  {rates}", highlight=False)
        console.print(f"  {folder / found.suite / 'report.html'}", highlight=False)
        if found.defined_by.template in OPENING and (found.rates["no_answer"] or 0) > 0.5:
            console.print("  most answers never ended their thinking: for a policy that was not taught to think, give")
            console.print("  --template boxed")
    return results


def plan_of(
    target: Target,
    preset: Preset,
    *,
    seed: int,
    workers: int,
    at_once: int,
    memory_gib: float | None,
    dtype: str | None,
    address: str | None,
) -> Plan:
    """Engines and judges for a policy: as its recipe has them, or else by this machine. The context is its own."""
    recipe = target.recipe
    return Plan(
        target=target,
        preset=preset,
        fleet=Fleet(
            workers=workers,
            max_length=_context(target.folder, preset.max_tokens),
            max_sequences=at_once,
            memory_gib=memory_gib or (recipe.rollout.memory_gib if recipe else MEMORY),
            options=recipe.rollout.options if recipe else {},
        ),
        dtype=dtype or (recipe.policy.dtype if recipe else "auto"),
        address=address,
        seed=seed,
        judges=max(1, len(os.sched_getaffinity(0)) // 2),
        judge_deadline_s=recipe.judge.deadline_s if recipe else 10.0,
        start_deadline_s=recipe.rollout.start_deadline_s if recipe else DEADLINE_S,
        answer_deadline_s=ANSWER_S,
    )


def _context(folder: Path, max_tokens: int) -> int:
    """Tokens of prompt and answer: enough for both, and no more than the policy was made for."""
    config = json.loads((folder / "config.json").read_text())
    return min(int(config.get("max_position_embeddings", max_tokens + PROMPT)), max_tokens + PROMPT)


def _folder(target: Target, preset: Preset) -> Path:
    """Where an evaluation goes by default: beside the run's checkpoints, or to evals/."""
    label = f"t{preset.temperature:g}-k{preset.samples}"
    if target.run is not None:
        return target.run / "evals" / f"{target.folder.name}-{label}"
    return Path("evals") / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', target.name).strip('-')}-{label}"
