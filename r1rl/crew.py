"""The learner, the rollout workers and the judges of a run, as the verbs that a loop is written in."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from r1rl import chat, gate
from r1rl.algorithm import Algorithm
from r1rl.engine.spec import Sampling
from r1rl.errors import SyncError, UserError
from r1rl.learner import Gap
from r1rl.learners import Learners
from r1rl.loss import Totals, metrics
from r1rl.recipe import Recipe
from r1rl.reward import Judges
from r1rl.rollout import Prompt, Rollouts
from r1rl.schedule import lr_at
from r1rl.seeds import derive
from r1rl.types import Group, Problem, Sample, ScoredGroup

PROBE = 16  # groups of the full consistency check: some 2,000 tokens


@dataclass(kw_only=True)
class Crew:
    recipe: Recipe
    dtype: str
    tokenizer: chat.Tokenizer
    rollouts: Rollouts
    judges: Judges

    def sample(self, problems: Sequence[Problem], samples: int, temperature: float, seed: int) -> list[Group]:
        """A group of answers to each problem, by the policy the samplers hold now. Raises UserError without room."""
        found: dict[int, Group] = {}
        for groups in self.arriving(problems, samples, temperature, seed):
            found |= groups
        return [found[i] for i in range(len(problems))]

    def arriving(
        self, problems: Sequence[Problem], samples: int, temperature: float, seed: int
    ) -> Iterator[dict[int, Group]]:
        """The same, by the problem's place: those of an engine when it is done."""
        rendered = chat.render_all(self.recipe.data.template, [p.question for p in problems], self.tokenizer)
        prompts = [Prompt(problem=p, ids_T=tuple(ids)) for p, ids in zip(problems, rendered, strict=True)]
        _require_room(prompts, self.recipe.policy.max_length)
        sampling = Sampling(
            samples=samples,
            temperature=temperature,
            max_tokens=self.recipe.rollout.max_tokens,
            stop_ids=(self.tokenizer.eos_token_id,),
        )
        return self.rollouts.arriving(prompts, sampling, seed)

    def score(self, groups: Sequence[Group]) -> list[ScoredGroup]:
        """What the recipe's judges say about each answer."""
        return self.score_by(self.judges, groups)

    def score_by(self, judges: Judges, groups: Sequence[Group]) -> list[ScoredGroup]:
        """What other judges say about each answer."""
        begun = chat.opening(self.recipe.data.template, self.tokenizer)
        written = iter(chat.decode_all(self.tokenizer, [c.token_ids_T for g in groups for c in g.completions_G]))
        texts = [[begun + next(written) for _ in g.completions_G] for g in groups]
        return judges.score_groups(groups, texts)


@dataclass(kw_only=True)
class TrainingCrew(Crew):
    learners: Learners
    version: int  # of the policy that the samplers hold

    def roll_out(self, problems: Sequence[Problem], step: int, round: int = 0) -> Iterator[dict[int, Group]]:
        """Groups of one round of a step, at the training temperature, all written by the current version.

        By the place of their problem: those of an engine when it is done.
        """
        recipe = self.recipe
        seed = derive(recipe.seed, "rollout", step, round)
        for groups in self.arriving(problems, recipe.rollout.group, recipe.rollout.temperature, seed):
            versions = {c.version for group in groups.values() for c in group.completions_G}
            if versions != {self.version}:
                raise SyncError(
                    f"step {step}: answers were written by policy versions {sorted(versions)}, current is "
                    f"{self.version}",
                    "their log-probs and rewards belong to other weights",
                    "this is a bug in the weight wire: report it with the run folder",
                )
            yield groups

    def learn(self, samples: Sequence[Sample], step: int, algorithm: Algorithm) -> Callable[[], dict[str, float]]:
        """Begins the step's optimizer updates; what it returns waits for them and returns their metrics.

        These are means over the updates; the gap is the first one's, before any change. It raises RunError when a
        gradient is not finite.
        """
        recipe = self.recipe
        minibatches = self._minibatches(samples, step)
        totals = [Totals.of(part, recipe.rollout.max_tokens, algorithm.kl_cov) for part in minibatches]
        lrs = [self._lr(step, i) for i in range(len(minibatches))]
        sums = self.learners.learn(minibatches, totals, algorithm, lrs, recipe.rollout.temperature)

        def learnt() -> dict[str, float]:
            rows = [
                metrics(part, total) | costs(part) | {"learner/lr": lr}
                for part, total, lr in zip(sums(), totals, lrs, strict=True)
            ]
            means = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
            return means | {key: rows[0][key] for key in ("learner/gap/mean", "learner/gap/max")}

        return learnt

    def _minibatches(self, samples: Sequence[Sample], step: int) -> list[list[Sample]]:
        """The samples of each optimizer update, at random; never an empty update."""
        shuffled = list(samples)
        random.Random(derive(self.recipe.seed, "shuffle", step)).shuffle(shuffled)
        updates = min(self.recipe.learner.updates_per_rollout, len(shuffled))
        return [shuffled[i::updates] for i in range(updates)]

    def _lr(self, step: int, update: int) -> float:
        settings = self.recipe.learner
        return lr_at(
            (step - 1) * settings.updates_per_rollout + update,
            peak=settings.lr,
            warmup=settings.warmup_steps,
            total=self.recipe.train.steps * settings.updates_per_rollout,
            shape=settings.schedule,
        )

    def sync(self, version: int) -> None:
        """Sends the learner's weights to all samplers, which prove that they arrived."""
        self.rollouts.sync(self.learners.pack(version))
        self.version = version

    def check_consistency(self, problems: Sequence[Problem]) -> Gap:
        """The full gate: fresh answers, compared token by token. Raises ConsistencyError."""
        recipe = self.recipe
        groups = self.sample(problems[:PROBE], 4, recipe.rollout.temperature, derive(recipe.seed, "gate"))
        samples = [
            Sample(
                prompt_ids_T=g.prompt_ids_T,
                token_ids_T=c.token_ids_T,
                logprobs_T=c.logprobs_T,
                advantages_T=(0.0,) * len(c.token_ids_T),
            )
            for g in groups
            for c in g.completions_G
        ]
        gap = self.learners.gap(samples, recipe.rollout.temperature)
        gate.require(gap.mean, gap.max, self.tolerance, "before the first step")
        return gap

    @property
    def tolerance(self) -> gate.Tolerance:
        return gate.tolerance(self.dtype, self.recipe.gate.mean, self.recipe.gate.max)


def costs(sums: Mapping[str, float]) -> dict[str, float]:
    """What an update took, and what the policy's companions say, from its merged sums."""
    return {
        "learner/memory/peak_gib": sums["max/peak_gib"],
        "learner/tokens_per_s": sums["positions"] / sums["max/seconds"],  # prompts and completions
        "learner/skipped/frac": sums["max/skipped"],
    } | {key.removeprefix("max/"): value for key, value in sums.items() if key.startswith("max/policy/")}


def _require_room(prompts: Sequence[Prompt], length: int) -> None:
    longest = max(prompts, key=lambda prompt: len(prompt.ids_T), default=None)
    if longest is not None and len(longest.ids_T) >= length:
        raise UserError(
            f"the prompt of {longest.problem.id} has {len(longest.ids_T)} tokens, policy.max_length is {length}",
            "no token is left for an answer",
            f"write policy.max_length = {len(longest.ids_T) + 1} or more, or leave that set out",
        )
