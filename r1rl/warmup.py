"""The base that is sometimes right: a short supervised training on worked examples, cached by the hash of its inputs.

R1-Zero starts from a pretrained base whose answers are already right now and then. A policy made from nothing is never
right, so no group of answers would ever differ in reward. This stage stands in for pretraining, with the learner that
trains everything else; it is stopped early, while the policy is still mostly wrong.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path

from r1rl import chat
from r1rl.algorithm import SFT
from r1rl.home import home
from r1rl.learners import Learners
from r1rl.loss import Totals, metrics
from r1rl.policy.companion import Settings
from r1rl.recipe import Recipe
from r1rl.schedule import lr_at
from r1rl.stream import open_source
from r1rl.types import ProblemSource, Sample

TEXTS = 2000  # worked examples that the tokenizer is trained on
RISE = 0.1  # share of the updates in which the learning rate rises
PACKAGE = Path(__file__).parent
# What decides the result.
CODE = (
    "algorithm.py",
    "batch.py",
    "chat.py",
    "learner",
    "loss",
    "packing.py",
    "policy",
    "schedule.py",
    "sizes.py",
    "warmup.py",
)


def problems_used(recipe: Recipe) -> int:
    """Training ordinals that worked examples take: reinforcement learning starts after them."""
    return recipe.warmup.steps * recipe.warmup.batch if recipe.warmup else 0


def source_of(recipe: Recipe) -> ProblemSource:
    """Where worked examples come from: the recipe's source under the base's own seed."""
    return open_source(recipe.data.source, _seed(recipe), dict(recipe.data.options))


def fresh_policy(recipe: Recipe, source: ProblemSource, learners: Learners, key: str) -> Path:
    """The folder of a new policy with random weights and its own tokenizer; made when it is not cached."""
    folder = home() / "init" / key
    if not folder.is_dir():
        phrase, size = chat.pieces("")[0], recipe.policy.init
        assert size is not None
        learners.make(folder, size, texts(source), phrase, recipe.policy.max_length, _seed(recipe))
    return folder


def texts(source: ProblemSource) -> list[str]:
    """What a new policy's tokenizer is trained on: questions and worked answers, without the instruction."""
    return [part for i in range(TEXTS) for part in _pieces(source, i)]


def warm(
    recipe: Recipe, source: ProblemSource, learners: Learners, start: Path, key: str, tell: Callable[[int, float], None]
) -> Path:
    """The folder of the warmed-up policy; trained from `start` when it is not cached. `tell` hears (update, loss)."""
    assert recipe.warmup is not None
    folder = home() / "warmup" / key
    if not folder.is_dir():
        learners.load(start, recipe.warmup.optimizer, None, Settings.of(recipe.policy, warming=True))
        _train(recipe, source, learners, chat.load_tokenizer(start), tell)
        learners.keep(folder)
    return folder


def cache_key(recipe: Recipe, source: ProblemSource, dtype: str) -> str:
    """Hash of all that decides the result: these parts of the recipe and the code that reads them."""
    parts = {
        "seed": _seed(recipe),
        "dtype": dtype,
        "policy": recipe.policy.model_dump(),
        "data": recipe.data.model_dump(),
        "warmup": recipe.warmup.model_dump(exclude={"low", "high", "seed"}) if recipe.warmup else None,
        "learner": recipe.learner.model_dump(include={"betas", "weight_decay", "grad_clip", "ranks"}),
    }
    files = [Path(inspect.getfile(type(source)))]
    for name in CODE:
        files += sorted((PACKAGE / name).glob("*.py")) if (PACKAGE / name).is_dir() else [PACKAGE / name]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _seed(recipe: Recipe) -> int:
    return recipe.warmup.seed if recipe.warmup else recipe.seed


def _train(
    recipe: Recipe,
    source: ProblemSource,
    learners: Learners,
    tokenizer: chat.Tokenizer,
    tell: Callable[[int, float], None],
) -> None:
    settings = recipe.warmup
    assert settings is not None
    rise = max(1, int(RISE * settings.steps))
    for update in range(settings.steps):
        ordinals = range(update * settings.batch, (update + 1) * settings.batch)
        samples = [_sample(source, i, recipe.data.template, tokenizer) for i in ordinals]
        lr = lr_at(update, peak=settings.lr, warmup=rise, total=settings.steps, shape="cosine")
        totals = Totals.of(samples, recipe.policy.max_length)
        (sums,) = learners.learn([samples], [totals], SFT, [lr], 1.0)()
        tell(update + 1, metrics(sums, totals)["learner/nll/mean"])


def _sample(source: ProblemSource, ordinal: int, template: str, tokenizer: chat.Tokenizer) -> Sample:
    problem, text = source.worked(ordinal)
    ids = tuple(chat.encode_completion(tokenizer, text))
    return Sample(
        prompt_ids_T=tuple(chat.render(template, problem.question, tokenizer)),
        token_ids_T=ids,
        logprobs_T=(0.0,) * len(ids),  # no sampler wrote it: the algorithm's ratio is to the policy's own
        advantages_T=(1.0,) * len(ids),
    )


def _pieces(source: ProblemSource, ordinal: int) -> list[str]:
    problem, text = source.worked(ordinal)
    return [*chat.pieces(problem.question)[1:], text]
