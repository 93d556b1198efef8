"""Rules about what a recipe names and does not hold: the policy's folder, reward functions, the source of problems."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from r1rl.models import MODELS
from r1rl.nearest import did_you_mean
from r1rl.recipe.broken import Broken
from r1rl.recipe.document import KeyPath
from r1rl.recipe.schema import Recipe, RewardSection
from r1rl.recipe.source_code import functions, keywords, modules
from r1rl.types import FILLED

V3_ROUTING = {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}  # transformers knows no others, vLLM does
KNOWN_MODEL_TYPES = ("deepseek_v3", "llama", "qwen2", "qwen3")


class _Missing(Exception):
    """What is missing, and what to do instead."""

    def __init__(self, what: str, instead: str) -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


def policy_is_readable(recipe: Recipe) -> Iterator[Broken]:
    path = recipe.policy.path
    if path is not None:
        why = "the policy is loaded by vLLM and by the learner, minutes after this check"
        yield from _broken_where(partial(_check_policy, path), ("policy", "path"), f"policy.path = {path}", why)


def rewards_exist(recipe: Recipe) -> Iterator[Broken]:
    for index, reward in enumerate(recipe.reward):
        why = "the first answer would fail to be judged"
        broken = [
            *_broken_where(partial(_check_reward, reward.fn), ("reward", index, "fn"), f"reward {reward.fn}", why)
        ]
        yield from broken or _broken_where(
            partial(_check_reward_options, reward), ("reward", index, "options"), f"reward {reward.fn}", why
        )


def problems_exist(recipe: Recipe) -> Iterator[Broken]:
    source = recipe.data.source
    why = "a run needs problems from its first step on"
    broken = [*_broken_where(partial(_check_source, source), ("data", "source"), f"data.source = {source}", why)]
    yield from broken or _options_are_taken(recipe)


def sets_exist(recipe: Recipe) -> Iterator[Broken]:
    known = modules("data")
    for path, names in ((("data", "against"), recipe.data.against), (("eval", "suites"), recipe.eval.suites)):
        for name in names:
            if name not in known:
                why = "the run would stop when it looks for it"
                yield Broken(
                    path, f"{'.'.join(path)} names {name}, which is no data set", why, did_you_mean(name, known)
                )


def _broken_where(check: Callable[[], None], path: KeyPath, subject: str, why: str) -> Iterator[Broken]:
    try:
        check()
    except _Missing as missing:
        yield Broken(path, f"{subject} {missing.what}", why, missing.instead)
    except OSError as error:
        yield Broken(path, f"{subject} cannot be looked up: {error}", why, "check its spelling and your permissions")


def _options_are_taken(recipe: Recipe) -> Iterator[Broken]:
    # A user's file is not run by a check; its own errors come when the run starts.
    if recipe.data.source not in modules("data"):
        return
    module = importlib.import_module(f"r1rl.data.{recipe.data.source}")
    try:
        opened = module.source(seed=recipe.seed, **recipe.data.options)
        if recipe.warmup:
            opened.worked(0)
    except (TypeError, ValueError) as error:
        known = [name for name in inspect.signature(module.source).parameters if name != "seed"]
        yield Broken(
            ("data", "options"),
            f"data.options = {recipe.data.options}: {error}",
            "the options are arguments of the source of problems",
            f"its options are {', '.join(known)}; {module.__file__} says which values they take",
        )
        return
    try:
        opened.problem("heldout", recipe.eval.problems - 1)
    except ValueError as error:
        yield Broken(
            ("eval", "problems"),
            f"eval.problems = {recipe.eval.problems} is more than there are: {error}",
            "a held-out problem asked twice would make the interval too narrow",
            "ask for fewer, or change data.options",
        )


def _check_policy(path: str) -> None:
    folder = MODELS[path].folder if path in MODELS else Path(path)
    if path in MODELS and not folder.is_dir():
        raise _Missing("is not on this machine yet", f"r1rl fetch {path}")
    if not folder.exists() and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", path):
        return  # a hub id: whether it exists is known only where the network is
    if not folder.is_dir():
        nearby = [other.name for other in folder.parent.glob("[!.]*") if other.is_dir()]
        raise _Missing("is neither a folder nor a hub id like org/name", did_you_mean(folder.name, nearby))
    if not (folder / "config.json").is_file():
        raise _Missing("has no config.json", "name a folder as transformers' save_pretrained writes it")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json")):
        raise _Missing("has no tokenizer.json and no tokenizer_config.json", "save the tokenizer beside the weights")
    config = _config(folder / "config.json")
    if config["model_type"] not in KNOWN_MODEL_TYPES:
        raise _Missing(f"has model_type {config['model_type']!r}", f"use one of {', '.join(KNOWN_MODEL_TYPES)}")
    for key, value in V3_ROUTING.items() if config["model_type"] == "deepseek_v3" else ():
        if config.get(key) != value:
            raise _Missing(
                f"has a config.json with {key} = {config.get(key)!r}: vLLM would route tokens to other experts than "
                "the learner, or not load it",
                f'write "{key}": "{value}" into it, as DeepSeek-V3\'s own has',
            )


def _config(file: Path) -> dict[str, object]:
    try:
        config = json.loads(file.read_bytes())
        config["model_type"]
    except (ValueError, KeyError, TypeError):
        raise _Missing("has a config.json without a model_type", "name a folder of a Hugging Face model") from None
    return dict(config)


def _check_reward(fn: str) -> None:
    module, colon, name = fn.rpartition(":")
    if not colon:
        raise _Missing("is not of the form module:function", "write it like `number:correct`")
    _check_function(name, _file(module, "rewards"))


def _check_reward_options(reward: RewardSection) -> None:
    module, _, name = reward.fn.rpartition(":")
    known = keywords(_file(module, "rewards"), name)
    if known is None:
        return
    settable = known.keys() - FILLED
    for option in reward.options:
        if option not in settable:
            raise _Missing(f"has no option `{option}`", did_you_mean(option, sorted(settable)))
    for option, required in known.items():
        if required and option in settable - reward.options.keys():
            raise _Missing(f"needs a value for `{option}`", f"write options: {{{option}: …}}")
    if reward.weight and reward.options.get("extract") == "lenient":  # with weight 0 it is only measured
        raise _Missing(
            "reads answers leniently, which is for evaluation only", "set its weight to 0, or extract strictly"
        )


def _check_source(source: str) -> None:
    _check_function("source", _file(source, "data"))


def _check_function(name: str, file: Path) -> None:
    try:
        known = functions(file)
    except ValueError as error:
        raise _Missing(f"cannot be read from {file}: {error}", "correct that file") from None
    if name not in known:
        raise _Missing(f"is not in {file}: it has no function `{name}`", did_you_mean(name, known))


def _file(module: str, room: str) -> Path:
    """The file of a room's module, or of a path/to/file.py."""
    if module in modules(room):
        return modules(room)[module]
    if not module.endswith(".py"):
        raise _Missing(f"is in no module of r1rl.{room}: there is no `{module}`", did_you_mean(module, modules(room)))
    if not Path(module).is_file():
        raise _Missing(f"is in no file: there is no {Path(module).absolute()}", "paths start at the working directory")
    return Path(module)
