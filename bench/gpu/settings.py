"""What both systems are asked to do: the same policy, prompts, group, lengths, precision, reward and optimizer.

`short` and `long` are about speed alone. Answers must be equally long in both systems, so the policy is one that cannot
end (endless.py): its tokenizer and config name an end token that the weights never write. The reward is a coin with
variance in every group. `natural` is about reward over time: answers end where the policy ends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from r1rl import chat
from r1rl.data import arithmetic
from r1rl.types import Problem

LR = 5e-6
BETAS = (0.9, 0.95)
SEED = 0
SYSTEM = "plain"  # the prompt template: the question alone, as the user's message


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
    natural: bool = False  # answers end by themselves and are judged

    @property
    def samples(self) -> int:
        """Answers of one step."""
        return self.prompts * self.group

    @property
    def max_length(self) -> int:
        """Tokens of prompt plus answer at most."""
        return self.max_tokens + 256


SETTINGS = {
    "short": Setting(name="short", prompts=64, group=16, max_tokens=128, steps=5),
    "long": Setting(name="long", prompts=32, group=16, max_tokens=1024, steps=2),
    "natural": Setting(name="natural", prompts=64, group=16, max_tokens=128, steps=20, natural=True),
    "dry": Setting(name="dry", prompts=4, group=4, max_tokens=16, steps=2),
    "dry-natural": Setting(name="dry-natural", prompts=4, group=4, max_tokens=16, steps=2, natural=True),
}
WARM = 2  # steps before the clock counts: kernels compile on first use


def problems(count: int) -> list[Problem]:
    """The same training problems for everybody."""
    source = arithmetic.source(seed=SEED)
    return [source.problem("train", i) for i in range(count)]


def prompt(problem: Problem, policy: Path) -> str:
    """The whole prompt as text, in the policy's own chat template."""
    tokenizer = chat.load_tokenizer(policy)
    return tokenizer.decode(chat.render(SYSTEM, problem.question, tokenizer), skip_special_tokens=False)
