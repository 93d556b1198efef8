"""What both systems are asked to do: the same policy, prompts, group, lengths, precision, reward and optimizer.

`short` and `long` are about speed alone. Answers must be equally long in both systems, so the policy is one that cannot
end (endless.py): its tokenizer and config name an end token that the weights never write. The reward is a coin with
variance in every group. `natural` is about reward over time: the task of r1_zero_smollm2_arithmetic, from the base that
the recipe's cold start makes; answers end where the policy ends them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from r1rl import chat
from r1rl.data import arithmetic
from r1rl.types import Problem

BETAS = (0.9, 0.95)
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One workload.

    >>> SETTINGS["short"].samples
    1024
    """

    name: str
    prompts: int
    group: int
    max_tokens: int
    steps: int  # to be timed; two more come first, which warm up
    rows: int = 4  # sequences of one pass of TRL's learner: halved until they fit (trl_speed.py)
    natural: bool = False  # answers end by themselves and are judged
    template: str = "plain"  # the question alone, as the user's message
    options: Mapping[str, Any] = field(default_factory=dict)  # of the problems
    lr: float = 5e-6

    @property
    def samples(self) -> int:
        """Answers of one step."""
        return self.prompts * self.group

    @property
    def max_length(self) -> int:
        """Tokens of prompt plus answer at most."""
        return self.max_tokens + 256


RECIPE = Path(__file__).parents[2] / "recipes" / "r1_zero_smollm2_arithmetic.yaml"


def natural(name: str, **sizes: int) -> Setting:
    """The recipe's task, prompt and learning rate."""
    told = yaml.safe_load(RECIPE.read_text())
    data, lr = told["data"], float(told["learner"]["lr"])
    return Setting(name=name, natural=True, template=data["template"], options=data["options"], lr=lr, **sizes)


SETTINGS = {
    "short": Setting(name="short", prompts=64, group=16, max_tokens=128, steps=5, rows=128),
    "long": Setting(name="long", prompts=32, group=16, max_tokens=1024, steps=2, rows=32),
    "natural": natural("natural", prompts=64, group=16, max_tokens=96, steps=10, rows=128),
    "dry": Setting(name="dry", prompts=4, group=4, max_tokens=16, steps=2),
    "dry-natural": natural("dry-natural", prompts=4, group=4, max_tokens=16, steps=2),
}
WARM = 2  # steps before the clock counts: kernels compile on first use


def problems(setting: Setting, count: int) -> list[Problem]:
    """The same training problems for everybody."""
    source = arithmetic.source(seed=SEED, **setting.options)
    return [source.problem("train", i) for i in range(count)]


def prompts(setting: Setting, asked: Sequence[Problem], policy: Path) -> list[str]:
    """The whole prompts as text, in the policy's own chat template."""
    tokenizer = chat.load_tokenizer(policy)  # once: it takes most of a second
    ids = [chat.render(setting.template, problem.question, tokenizer) for problem in asked]
    return [tokenizer.decode(prompt, skip_special_tokens=False) for prompt in ids]
