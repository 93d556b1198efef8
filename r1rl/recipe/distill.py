"""The recipe of a distillation: a student, what it learns from, and how.

Sections that a training recipe has too mean the same here; `as_run` is that training recipe. The presets are the
settings of DeepSeek-R1's students (arXiv:2501.12948, supplementary table of distillation): 2 to 3 epochs over its
800,000 traces, batch 64, contexts of 32,768, a cosine to a tenth, and a learning rate for each size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from r1rl.recipe.broken import Broken
from r1rl.recipe.document import Document
from r1rl.recipe.load import obey, read_document, validated
from r1rl.recipe.merge import merge
from r1rl.recipe.rules import broken_rules
from r1rl.recipe.schema import (
    AlgorithmSection,
    DataSection,
    EvalSection,
    GateSection,
    JudgeSection,
    LearnerSection,
    PolicySection,
    RaySection,
    Recipe,
    RewardSection,
    RolloutSection,
    TrainSection,
)
from r1rl.recipe.section import Count, CountOrZero, Fraction, Positive, Section, SmallCount

LEARNING_RATES = {"1.5B": 1e-4, "7B": 8e-5, "8B": 5e-5, "14B": 7e-5, "32B": 6e-5, "70B": 2e-5}
ENDLESS = 2**31 - 1  # updates, where only the traces will tell how many

Method = Literal["sft", "on_policy", "forward_kl", "reverse_kl", "jsd"]


class TeacherSection(Section):
    path: str = Field(description="a Hugging Face folder or hub id, of the student's tokenizer")
    top_k: CountOrZero = Field(default=0, description="compare the teacher's k likeliest tokens only; 0: all")
    jsd_weight: float = Field(default=0.5, gt=0, lt=1, description="of the teacher in jsd's mixture")


class TracesSection(Section):
    path: str = Field(description="a folder that `r1rl sample` or `r1rl reject` wrote")
    validation: Fraction = Field(default=0.02, description="share of problems whose traces measure the loss only")


class DistillTrainSection(Section):
    batch: SmallCount = Field(default=64, description="traces per update")
    epochs: Positive = Field(default=2.0, description="how often the traces are seen")
    steps: Count | None = Field(default=None, description="updates; null: as many as the epochs take")
    checkpoint_every: CountOrZero = Field(default=0, description="updates between checkpoints; 0: only at the end")
    show: CountOrZero = Field(default=2, description="answers per step in the readable file")


class DistillRecipe(Section):
    """A whole distillation.

    >>> r = DistillRecipe(name="small", method="sft", policy=PolicySection(path="org/student"),
    ...     traces=TracesSection(path="kept"), reward=(RewardSection(fn="math:correct"),),
    ...     rollout=RolloutSection(max_tokens=64), learner=LearnerSection(lr=1e-4))
    >>> r.as_run(steps=100).train.steps
    100
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="lower case, digits, _ and -")
    claim: str = Field(default="", description="hardware, time, command, the number reached and the date")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of everything random")
    preset: Literal["1.5B", "7B", "8B", "14B", "32B", "70B"] | None = Field(
        default=None, description="DeepSeek-R1's settings for a student of this size; own keys win"
    )
    method: Method = Field(
        description="sft: learn the traces' text. on_policy: the student answers, the teacher scores every token. "
        "forward_kl, reverse_kl, jsd: the teacher's distribution at every token of the traces"
    )
    ray: RaySection = RaySection()
    policy: PolicySection = Field(description="the student")
    teacher: TeacherSection | None = None
    traces: TracesSection | None = None
    data: DataSection = DataSection()
    reward: tuple[RewardSection, ...] = Field(
        min_length=1, strict=False, description="the first judges held-out answers"
    )
    judge: JudgeSection = JudgeSection()
    algorithm: AlgorithmSection = AlgorithmSection(name="opd")
    rollout: RolloutSection
    learner: LearnerSection
    gate: GateSection = GateSection()
    train: DistillTrainSection = DistillTrainSection()
    eval: EvalSection = EvalSection()

    def as_run(self, steps: int) -> Recipe:
        """The training recipe with this one's student, held-out problems and numbers."""
        sampled = self.method == "on_policy"
        return Recipe(
            name=self.name,
            claim=self.claim,
            seed=self.seed,
            ray=self.ray,
            policy=self.policy,
            data=self.data,
            reward=self.reward,
            judge=self.judge,
            algorithm=self.algorithm,
            # Supervised learning is about log-probs at temperature 1, whatever the student is asked at.
            rollout=self.rollout if sampled else self.rollout.model_copy(update={"temperature": 1.0}),
            learner=self.learner,
            gate=self.gate,
            train=TrainSection(steps=steps, checkpoint_every=self.train.checkpoint_every, show=self.train.show),
            eval=self.eval,
        )


def load_distill(path: Path | str, overrides: Sequence[str] = ()) -> DistillRecipe:
    """The recipe of a distillation, checked completely. Raises UserError."""
    return checked(read_document(path, overrides))


def checked(document: Document) -> DistillRecipe:
    """A document as a recipe, presets filled in. Raises UserError for all that is wrong with it."""
    recipe = validated(_with_defaults(document), DistillRecipe)
    obey([*_own_rules(recipe), *broken_rules(recipe.as_run(recipe.train.steps or ENDLESS))], document)
    return recipe


def _with_defaults(document: Document) -> Document:
    lr = LEARNING_RATES.get(str(document.data.get("preset")))
    sized = {"policy": {"max_length": 32768}, "learner": {"lr": lr}, "train": {"batch": 64}} if lr else {}
    falling = {"learner": {"schedule": "cosine"}} if document.data.get("method") != "on_policy" else {}
    for filling in (sized, falling):
        document = merge(document, Document(filling, {}))
    return document


def _own_rules(recipe: DistillRecipe) -> Iterator[Broken]:
    sampled, taught = recipe.method == "on_policy", recipe.method != "sft"
    if recipe.traces is None and not sampled:
        yield Broken(
            ("traces",),
            f"method: {recipe.method} has no traces",
            "the student learns from answers that are already there",
            "add `traces: {path: …}`, a folder that `r1rl sample` or `r1rl reject` wrote",
        )
    if recipe.traces is not None and sampled:
        yield Broken(
            ("traces",),
            "method: on_policy takes no traces",
            "the student answers by itself, and the teacher scores that",
            "remove `traces:`, or write method: forward_kl, reverse_kl or jsd",
        )
    if (recipe.teacher is None) == taught:
        found = "has no teacher" if taught else "takes no teacher: its traces are all it needs"
        yield Broken(
            ("teacher",),
            f"method: {recipe.method} {found}",
            "a teacher scores tokens, traces are text",
            "add `teacher: {path: …}`" if taught else "remove `teacher:`, or write another method",
        )
    if taught and not sampled and recipe.learner.ranks > 1:
        yield Broken(
            ("learner", "ranks"),
            f"method: {recipe.method} with learner.ranks = {recipe.learner.ranks}",
            "distributions are compared through the student's whole head, which ranks hold in parts",
            "write ranks: 1, or method: on_policy or sft, which work on any number of them",
        )
    if sampled and recipe.train.steps is None:
        yield Broken(
            ("train", "steps"),
            "method: on_policy has no number of steps",
            "problems have no end, so epochs say nothing",
            "write train.steps",
        )
