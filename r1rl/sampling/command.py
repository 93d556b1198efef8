"""r1rl sample: a policy's answers to training problems, judged and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

AGAINST = "math500,aime2024,aime2025"


def sample(
    model: Annotated[str, typer.Argument(help="RUN, RUN@STEP, RUN@best, a checkpoint, a folder, or a hub id.")],
    out: Annotated[Path, typer.Option(help="Folder of the traces. The same one again: it goes on.")],
    data: Annotated[str | None, typer.Option(help="Training problems. Default for a run: its recipe's.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="key=value for the data; may be repeated.")] = None,
    reward: Annotated[str | None, typer.Option(help="module:function that judges. Default: the data's own.")] = None,
    k: Annotated[int, typer.Option(min=1, help="Answers to each problem.")] = 16,
    problems: Annotated[int | None, typer.Option(min=1, help="How many problems. Default: all of a set.")] = None,
    first: Annotated[int, typer.Option(min=0, help="Number of the first problem.")] = 0,
    preset: Annotated[str | None, typer.Option(help="Prompt and sampling: deepseek or greedy.")] = None,
    temperature: Annotated[float | None, typer.Option(min=0.0)] = None,
    top_p: Annotated[float | None, typer.Option(min=0.01, max=1.0)] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Longest answer.")] = None,
    template: Annotated[str | None, typer.Option(help="How a question becomes a prompt, as in recipes.")] = None,
    against: Annotated[str, typer.Option(help="Benchmarks whose questions must not be asked.")] = AGAINST,
    contaminated: Annotated[str, typer.Option(help="refuse or drop problems that share text with them.")] = "refuse",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Sampling engines.")] = 1,
    at_once: Annotated[int, typer.Option(min=1, help="Sequences that one engine decodes together.")] = 256,
    memory_gib: Annotated[float | None, typer.Option(min=0.01, help="KV cache of one engine.")] = None,
    dtype: Annotated[str | None, typer.Option(help="bfloat16 or float32. Default: what the hardware has.")] = None,
    address: Annotated[str | None, typer.Option(help="A running Ray cluster.")] = None,
) -> None:
    """Sample answers as data to learn from: judged, with their origin, in Parquet; a stopped sampling goes on."""
    from r1rl import provenance
    from r1rl.evaluation import presets, target
    from r1rl.grade import options_of
    from r1rl.judge import RewardSpec
    from r1rl.sampling.questions import open_questions

    policy = target.resolve(model)
    own = {"temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "template": template}
    questions = open_questions(
        policy,
        data=data,
        options=options_of(option or []),
        reward=RewardSpec(fn=reward, full_marks=True) if reward else None,
        seed=seed,
        first=first,
        count=problems,
        against=tuple(name for name in against.split(",") if name),
        contaminated=contaminated,
    )
    chosen = presets.choose(preset, policy.recipe, **own, samples=k)
    from r1rl.evaluation.ask import plan_of  # here, because torch and Ray take seconds to import
    from r1rl.sampling.run import lineage
    from r1rl.sampling.run import sample as sample_traces

    console = Console(soft_wrap=True)
    plan = plan_of(
        policy,
        chosen,
        seed=seed,
        workers=workers,
        at_once=min(at_once, questions.count * chosen.samples),
        memory_gib=memory_gib,
        dtype=dtype,
        address=address,
    )
    numbers = sample_traces(console, plan, questions, out)
    provenance.write(out, lineage(plan, questions, out, numbers))
    console.print(f"written to {out}", highlight=False)
