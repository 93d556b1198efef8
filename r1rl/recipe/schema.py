"""The recipe: every key a run can set, with its unit, its default and its bounds.

What ties two keys together stands in `rules`. Paths are relative to the working directory, not to the recipe: the
resolved copy in a run folder then means the same as the original.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pydantic import Field

from r1rl import algorithms
from r1rl.algorithm import Aggregation, Algorithm
from r1rl.correction import PRESETS, Preset
from r1rl.recipe.section import Count, CountOrZero, Fraction, Positive, Scalar, Section, SmallCount


class RaySection(Section):
    address: str | None = Field(default=None, description="a running Ray cluster; null starts a local one")


class PolicySection(Section):
    path: str | None = Field(default=None, description="a Hugging Face folder or hub id")
    init: str | None = Field(default=None, description="a named size of r1rl.sizes, made here with random weights")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="of the weights; auto: bfloat16 where the hardware has it"
    )
    max_length: Count = Field(default=256, description="tokens of prompt plus completion")
    replay: Literal["none", "r2", "r3"] = Field(
        default="none",
        description="experts in training: chosen anew, as for old log-probs, as by the sampler",
    )
    balance_speed: float = Field(default=0.0, ge=0, description="step of experts' biases per update; 0: frozen")
    balance_warmup: float = Field(default=0.0, ge=0, description="the same in the warm-up; V3's pretraining: 0.001")
    balance_loss: float = Field(default=0.0, ge=0, description="factor of the sequence-wise balance loss; V3's: 1e-4")
    mtp_loss: float = Field(default=0.0, ge=0, description="factor of the loss of multi-token prediction; V3's: 0.3")


class DataSection(Section):
    source: str = Field(default="addition", description="a module of r1rl.data, or path/to/file.py with a `source`")
    options: dict[str, Scalar] = Field(default={}, description="keyword arguments of the source")
    against: tuple[str, ...] = Field(
        default=("math500", "aime2024", "aime2025"),
        strict=False,
        description="sets whose questions must not be trained on; generators need no check",
    )
    contaminated: Literal["refuse", "drop"] = Field(
        default="refuse", description="what to do with training problems that share text with those sets"
    )
    canaries: float = Field(
        default=0.0, ge=0, le=0.5, description="share of problems with a wrong gold answer, to catch reward hacking"
    )
    template: Literal["r1_zero", "chat", "boxed", "deepseek", "plain", "thinking"] = Field(
        default="r1_zero", description="how a question becomes a prompt"
    )


class WarmupSection(Section):
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="of the base: runs with other seeds start from the same one"
    )
    steps: Count = Field(description="supervised optimizer updates before RL")
    batch: SmallCount = Field(default=64, description="worked examples per update")
    lr: Positive = Field(description="peak learning rate; it falls to a tenth as a cosine")
    optimizer: Literal["adamw", "muon"] = Field(
        default="adamw", description="muon learns from few worked examples several times faster"
    )
    low: Fraction = Field(default=0.10, description="held-out accuracy below which RL is not worth starting")
    high: Fraction = Field(default=0.45, description="held-out accuracy above which RL has little left to show")


class RewardSection(Section):
    fn: str = Field(description="module:function in r1rl.rewards, or path/to/file.py:function")
    weight: float = Field(default=1.0, description="factor of this part in the reward")
    options: dict[str, Scalar] = Field(default={}, description="keyword arguments of the function")


class RewardModelSection(Section):
    """A learned reward beside the rules. A policy learns to please it: use it late, and watch the rules' parts."""

    path: str = Field(description="a folder or hub id of a sequence classifier with one or two labels")
    weight: float = Field(default=1.0, description="factor of its number in the reward")
    max_length: Count = Field(default=4096, description="tokens of question and answer that it reads")


class JudgeSection(Section):
    workers: SmallCount = Field(default=1, description="processes that score answers")
    deadline_s: Positive = Field(default=10.0, description="wall seconds to score one answer")


class AuditSection(Section):
    """What `r1rl audit` tries and tolerates."""

    problems: Count = Field(default=200, description="training problems whose answers are tried")
    max_false_positives: Fraction = Field(default=0.0, description="share of wrong answers that may pass")
    max_false_negatives: Fraction = Field(default=0.01, description="share of right answers that may fail")
    max_ungradable: Fraction = Field(default=0.01, description="share of answers that may not be gradable")


class AlgorithmSection(Section):
    """Null means the named bundle's own number."""

    name: str = Field(default="grpo", description="a bundle of r1rl.algorithms")
    clip_low: float | None = Field(default=None, gt=0, le=1, description="how far the ratio may fall below 1")
    clip_high: float | None = Field(default=None, gt=0, description="how far the ratio may rise above 1")
    kl: float | None = Field(default=None, ge=0, description="coefficient of the KL to the reference, in the loss")
    reference_every: CountOrZero | None = Field(
        default=None, description="optimizer updates between refreshes of the reference; 0: never"
    )
    aggregation: Aggregation | None = Field(
        default=None, description="what weighs the same: each token, each sequence, or each token whatever the lengths"
    )
    correction: Preset | None = Field(
        default=None, description="weights against the sampler and the learner disagreeing about the same tokens"
    )
    entropy: float | None = Field(default=None, ge=0, description="coefficient of the entropy bonus, in the loss")
    kl_cov: Fraction | None = Field(
        default=None, description="share of tokens, those that lower entropy most, held by a KL; 0: none"
    )
    sampling_rounds: SmallCount | None = Field(
        default=None, description="rounds of further problems, at most, to replace flat groups; 1: none"
    )


class RolloutSection(Section):
    workers: SmallCount = Field(default=1, description="sampling engines")
    prompts: SmallCount = Field(default=32, description="prompts per step")
    group: SmallCount = Field(default=8, description="answers per prompt")
    max_tokens: Count = Field(description="tokens of one answer at most")
    temperature: Positive = Field(default=1.0, description="of sampling")
    memory_gib: Positive = Field(default=1.0, description="GiB of KV cache of one worker")
    options: dict[str, Any] = Field(default={}, description="vLLM engine arguments that win over r1rl's own")
    transport: Literal["auto", "shm", "ipc", "nccl", "gloo"] = Field(
        default="auto", description="of weights: memory of the host or a GPU, or broadcast; auto: the fastest way"
    )
    start_deadline_s: Positive = Field(default=300.0, description="seconds for an engine to start")
    step_deadline_s: Positive = Field(default=600.0, description="seconds for one step's answers")


class LoraSection(Section):
    """Trains low-rank adapters instead of all weights."""

    rank: SmallCount = Field(default=16, description="of the adapters")
    alpha: Positive = Field(default=32.0, description="an adapter's product is scaled by alpha / rank")
    targets: tuple[str, ...] = Field(
        default=(), strict=False, description="names of linear layers, such as q_proj; empty: all but the head"
    )


class LearnerSection(Section):
    ranks: SmallCount = Field(default=1, description="processes that share the policy; on GPUs one each")
    optimizer: Literal["adamw", "adamw_cpu", "adamw_8bit"] = Field(
        default="adamw", description="adamw_cpu keeps masters and moments on the CPU, adamw_8bit needs torchao"
    )
    lora: LoraSection | None = Field(default=None, description="null: all weights are trained")
    lr: Positive = Field(description="AdamW's peak learning rate")
    betas: tuple[Fraction, Fraction] = Field(default=(0.9, 0.95), strict=False, description="AdamW's decay rates")
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW's decoupled weight decay")
    grad_clip: Positive = Field(default=1.0, description="largest global gradient norm")
    warmup_steps: CountOrZero = Field(default=0, description="optimizer updates of linear rise to the peak")
    schedule: Literal["constant", "linear", "cosine"] = Field(default="constant", description="of lr after the rise")
    updates_per_rollout: SmallCount = Field(default=1, description="optimizer updates on one step's answers")
    microbatch_tokens: Count | None = Field(default=None, description="tokens in one forward pass; null: derived")
    checkpointing: bool = Field(default=False, description="compute activations twice instead of keeping them")
    fusion: Literal["none", "compile", "liger"] = Field(default="none", description="who fuses small operations")
    deadline_s: Positive = Field(default=600.0, description="seconds for one step's updates")


class GateSection(Section):
    """How far sampler and learner may disagree about a token's log-prob. Null: by dtype."""

    mean: float | None = Field(default=None, gt=0, description="nats, mean absolute difference")
    max: float | None = Field(default=None, gt=0, description="nats, largest absolute difference")


class TrainSection(Section):
    steps: Count = Field(description="rollout-and-update steps")
    checkpoint_every: CountOrZero = Field(default=0, description="steps between checkpoints; 0: only at the end")
    show: CountOrZero = Field(default=2, description="answers per step in the readable file")


class EvalSection(Section):
    problems: SmallCount = Field(default=512, description="held-out problems")
    every: CountOrZero = Field(default=0, description="steps between evaluations; 0: only before and after")
    suites: tuple[str, ...] = Field(
        default=(), strict=False, description="published sets to evaluate on as well, as `r1rl data list` names them"
    )
    temperature: float = Field(default=1.0, ge=0, description="of sampling; 0: greedy")


class Recipe(Section):
    """A whole run.

    >>> r = Recipe(name="demo", policy=PolicySection(init="tiny"), reward=(RewardSection(fn="number:correct"),),
    ...            rollout=RolloutSection(max_tokens=64), learner=LearnerSection(lr=3e-4), train=TrainSection(steps=80))
    >>> r.samples_per_step, r.microbatch_tokens, r.algorithm_bundle().kl
    (256, 8192, 0.001)
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64, description="lower case, digits, _ and -")
    claim: str = Field(default="", description="hardware, time, command, the number reached and the date")
    seed: int = Field(default=0, ge=0, lt=2**32, description="of everything random")
    ray: RaySection = RaySection()
    policy: PolicySection
    data: DataSection = DataSection()
    warmup: WarmupSection | None = None
    reward: tuple[RewardSection, ...] = Field(
        min_length=1, strict=False, description="the first judges right and wrong"
    )
    reward_model: RewardModelSection | None = None
    judge: JudgeSection = JudgeSection()
    audit: AuditSection = AuditSection()
    algorithm: AlgorithmSection = AlgorithmSection()
    rollout: RolloutSection
    learner: LearnerSection
    gate: GateSection = GateSection()
    train: TrainSection
    eval: EvalSection = EvalSection()

    @property
    def samples_per_step(self) -> int:
        """Answers of one step."""
        return self.rollout.prompts * self.rollout.group

    @property
    def microbatch_tokens(self) -> int:
        """Tokens in one forward pass: as written, or four longest sequences and never fewer than 8192."""
        return self.learner.microbatch_tokens or max(4 * self.policy.max_length, 8192)

    @property
    def engine_options(self) -> dict[str, Any]:
        """vLLM engine arguments of this recipe: its own, and what replaying the sampler's routes takes."""
        return ({"enable_return_routed_experts": True} if self.policy.replay == "r3" else {}) | self.rollout.options

    def algorithm_bundle(self) -> Algorithm:
        """The named algorithm with this recipe's own numbers in it."""
        own = self.algorithm.model_dump(exclude={"name"}, exclude_none=True)
        if self.algorithm.correction is not None:
            own["correction"] = PRESETS[self.algorithm.correction]
        return dataclasses.replace(algorithms.get(self.algorithm.name), **own)
