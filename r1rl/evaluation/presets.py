"""How answers are asked for and sampled: named presets, because a number without them means nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from r1rl.chat import TEMPLATES
from r1rl.errors import UserError
from r1rl.nearest import did_you_mean
from r1rl.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Prompt and sampling of an evaluation.

    >>> PRESETS["deepseek"].temperature, PRESETS["deepseek"].max_tokens
    (0.6, 32768)
    """

    template: str  # as in r1rl.chat
    temperature: float  # 0 is greedy
    top_p: float
    max_tokens: int
    samples: int  # of each problem


PRESETS = {
    # README of DeepSeek-R1, "Usage Recommendations" and "Evaluation": no system message, 64 answers for pass@1.
    "deepseek": Preset(template="deepseek", temperature=0.6, top_p=0.95, max_tokens=32768, samples=64),
    "greedy": Preset(template="boxed", temperature=0.0, top_p=1.0, max_tokens=32768, samples=1),
}


def choose(name: str | None, recipe: Recipe | None, **own: Any) -> Preset:
    """A preset by name, with a caller's own numbers in it where they are not None.

    A policy that a run made is asked as its recipe asks: of a preset it takes the sampling only. Without a name that
    is the recipe's own evaluation, or "deepseek" for a policy without a recipe. Raises UserError for an unknown
    name or template.
    """
    if name is not None and name not in PRESETS:
        raise UserError(f"there is no preset {name!r}", "it says how answers are sampled", did_you_mean(name, PRESETS))
    preset = PRESETS[name or "deepseek"]
    if recipe is not None:
        asked: dict[str, Any] = {"template": recipe.data.template, "max_tokens": recipe.rollout.max_tokens}
        sampled: dict[str, Any] = {} if name else {"temperature": recipe.eval.temperature, "top_p": 1.0, "samples": 1}
        preset = replace(preset, **asked, **sampled)
    preset = replace(preset, **{key: value for key, value in own.items() if value is not None})
    if preset.template not in TEMPLATES:
        raise UserError(
            f"there is no prompt template {preset.template!r}",
            "every question needs one to become a prompt",
            did_you_mean(preset.template, TEMPLATES),
        )
    if preset.temperature == 0 and preset.samples > 1:
        raise UserError(
            f"{preset.samples} greedy answers to each problem are the same answer {preset.samples} times",
            "they would look like agreement",
            "leave out --k, or give a --temperature above 0",
        )
    return preset
