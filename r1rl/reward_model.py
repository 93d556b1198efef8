"""A learned reward beside the rules: any Hugging Face sequence classifier, in a Ray actor.

DeepSeek-R1's last stage adds the reward of preference models to rule rewards for general questions (arXiv:2501.12948,
section 2.3.4), and warns that a policy learns to please them: its own were used in the last 400 of 1,700 steps only.
Right and wrong stay what the rules say; the model adds a named part to the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from r1rl import actors, cluster
from r1rl.actors import Actor, wait_one
from r1rl.cluster import Hardware
from r1rl.errors import UserError
from r1rl.output import redirect_output
from r1rl.policy import model as policy_model
from r1rl.policy.folder import local
from r1rl.recipe import Recipe
from r1rl.reward import Judges
from r1rl.types import Group, Score, ScoredGroup, Verdict

PART = "reward_model"
BATCH = 32


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """How to start a reward model.

    >>> ModelSpec(folder=Path("rm"), device="cpu", dtype="float32", threads=2, max_length=64, log=Path("log")).dtype
    'float32'
    """

    folder: Path
    device: str
    dtype: str
    threads: int
    max_length: int  # tokens of question and answer; longer ones are cut at the end
    log: Path


class Classifier:
    """A sequence classifier with one output, or with two of which the second is the good one."""

    def __init__(self, spec: ModelSpec) -> None:
        redirect_output(spec.log)
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        torch.set_num_threads(spec.threads)
        self.spec = spec
        self.tokenizer: Any = AutoTokenizer.from_pretrained(spec.folder)
        dtype = policy_model.named_dtype(spec.dtype)
        model: Any = AutoModelForSequenceClassification.from_pretrained(spec.folder, dtype=dtype)
        if model.config.num_labels not in (1, 2):
            raise UserError(
                f"the reward model {spec.folder} has {model.config.num_labels} labels",
                "a reward is one number: an output of its own, or good against bad",
                "take a classifier with one or two labels",
            )
        if model.config.pad_token_id is None:
            model.config.pad_token_id = self.tokenizer.pad_token_id or self.tokenizer.eos_token_id
        self.tokenizer.pad_token = self.tokenizer.pad_token or self.tokenizer.eos_token
        self.model = model.to(spec.device).eval()

    @torch.no_grad()
    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """A number for each (question, answer): the output, or for two labels how far good is above bad (logits)."""
        found: list[float] = []
        for start in range(0, len(pairs), BATCH):
            batch = self._encode(pairs[start : start + BATCH])
            logits = self.model(**batch.to(self.spec.device)).logits.float()
            values = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
            found += values.tolist()
        return found

    def close(self) -> None:
        """Nothing has to be put away."""

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> Any:
        options = {"padding": True, "truncation": True, "max_length": self.spec.max_length, "return_tensors": "pt"}
        if self.tokenizer.chat_template is None:
            return self.tokenizer([q for q, _ in pairs], [a for _, a in pairs], **options)
        texts = [
            self.tokenizer.apply_chat_template(
                [{"role": "user", "content": q}, {"role": "assistant", "content": a}], tokenize=False
            )
            for q, a in pairs
        ]
        return self.tokenizer(texts, add_special_tokens=False, **options)


@dataclass(frozen=True, kw_only=True)
class RewardModel:
    """A reward model that is up, as a part of scores."""

    actor: Actor
    weight: float
    deadline_s: float

    def add(self, scored: Sequence[ScoredGroup]) -> list[ScoredGroup]:
        """The same groups with the model's part in their values. What nobody could grade is not asked about.

        Raises EngineError when the model fails or overruns its deadline.
        """
        pairs = [
            (group.group.problem.question, _after_thinking(text))
            for group in scored
            for text, score in zip(group.texts_G, group.scores_G, strict=True)
            if score.verdict is not Verdict.UNGRADABLE
        ]
        values = iter(wait_one(self.actor, self.actor.call("score", pairs), self.deadline_s, "scoring answers"))
        return [replace(group, scores_G=tuple(self._with(s, values) for s in group.scores_G)) for group in scored]

    def _with(self, score: Score, values: Iterator[float]) -> Score:
        if score.verdict is Verdict.UNGRADABLE:
            return score
        value = next(values)
        return replace(score, value=score.value + self.weight * value, parts={**score.parts, PART: value})


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Judges with a reward model beside them: the same call as a JudgePool's."""

    judges: Judges
    model: RewardModel

    def score_groups(self, groups: Sequence[Group], texts: Sequence[Sequence[str]]) -> list[ScoredGroup]:
        """Each group with the scores of its texts, the model's part among them."""
        return self.model.add(self.judges.score_groups(groups, texts))

    def close(self) -> None:
        self.judges.close()


@contextmanager
def beside(judges: Judges, recipe: Recipe, hw: Hardware, logs: Path) -> Iterator[Judges]:
    """The judges of a recipe with its reward model, or as they are where it has none."""
    section = recipe.reward_model
    if section is None:
        yield judges
        return
    settings = section.weight, section.max_length, recipe.judge.deadline_s * BATCH
    with reward_model(local(section.path), hw, *settings, logs / "reward-model.log") as model:
        yield Judged(judges=judges, model=model)


def _after_thinking(text: str) -> str:
    """What a person would be shown: DeepSeek-R1's helpful reward looks at the final summary only (section 2.3.4)."""
    return text.rpartition("</think>")[2].strip() or text


@contextmanager
def reward_model(
    folder: Path, hw: Hardware, weight: float, max_length: int, deadline_s: float, log: Path
) -> Iterator[RewardModel]:
    """A reward model, started; ended on leaving. Ray must be up."""
    spec = ModelSpec(
        folder=folder.resolve(),
        device=hw.device,
        dtype=hw.dtype,
        threads=hw.threads,
        max_length=max_length,
        log=log.resolve(),
    )
    actor = actors.spawn(Classifier, spec, name="reward model", gpus=0.0, env={"OMP_NUM_THREADS": str(hw.threads)})
    try:
        yield RewardModel(actor=actor, weight=weight, deadline_s=deadline_s)
    finally:
        cluster.stop([actor], "close")
