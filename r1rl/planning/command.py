"""r1rl plan: what a recipe needs, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from r1rl.planning import plan as plans
from r1rl.planning import policy, recipe, suggest
from r1rl.planning.cost import Assumptions
from r1rl.planning.hardware import GPUS, card
from r1rl.planning.report import show
from r1rl.recipe import read_recipe


def plan(
    name: Annotated[str, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a packaged recipe.")],
    overrides: Annotated[list[str] | None, typer.Argument(metavar="[key.sub=value …]")] = None,
    gpus: Annotated[int, typer.Option(min=1, max=4096, help="How many.")] = 1,
    gpu: Annotated[str, typer.Option(help=f"{', '.join(GPUS)}, or cpu: this machine.")] = "h100",
    tokens: Annotated[float | None, typer.Option(min=1, help="Of an answer, mean. Default: half of the limit.")] = None,
    prompt_tokens: Annotated[float | None, typer.Option(min=1, help="Of a prompt, mean.")] = None,
    mfu: Annotated[
        float | None, typer.Option(min=0.001, max=1, help="Of the learner; a measured one beats ours.")
    ] = None,
) -> None:
    """What a recipe needs: parameters, memory by part, time, GPU-hours, waste, and a layout. No GPU, no torch."""
    loaded, broken = read_recipe(Path(name), overrides or [])
    chosen = card(gpu)
    cards = gpus if chosen.on_gpu else 1
    lengths = recipe.lengths(loaded, prompt_tokens, tokens)
    how = Assumptions() if mfu is None else Assumptions(mfu=mfu, mfu_experts=mfu)
    job = recipe.job(loaded, policy.fields(loaded.policy.path, loaded.policy.init), chosen, lengths)
    written = plans.plan(job, chosen, recipe.layout(loaded, cards), how)
    better = suggest.larger(job, chosen, cards, how)
    told = "guessed (--tokens, --prompt-tokens)" if lengths.guessed else "given"
    guess = f"lengths {told}: prompts of {lengths.prompt:.0f} tokens, answers of {lengths.answer:.0f}, evenly spread"
    show(Console(soft_wrap=True), loaded.name, written, better, broken, guess, how)
