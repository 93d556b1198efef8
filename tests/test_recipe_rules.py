"""Rules of a recipe: between its keys, and about the files it names."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl import algorithms
from r1rl.recipe import (
    load_recipe,
)
from r1rl.recipe.arithmetic import equal_updates
from r1rl.recipe.named import V3_ROUTING
from tests.recipes import refusal, tiny

# Rules between keys


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["policy.init=null"], "demo.yaml:2: neither policy.path nor policy.init is given"),
        (["policy.path=org/name"], "demo.yaml:2: policy.path and policy.init are both given"),
        (["warmup=null"], "demo.yaml:2: policy.init = tiny has no warmup"),
        (["policy.init=tyni"], "there is no size `tyni`"),
        (["policy.init=qwen3-tiny", "policy.balance_speed=0.001"], "policy.balance_speed has no effect on qwen3-tiny"),
        (["policy.init=llama-tiny", "policy.replay=r3"], "policy.replay has no effect on llama-tiny"),
        (["policy.mtp_loss=0.3"], "write policy.init: tiny-mtp"),
        (["policy.replay=r2", "algorithm.name=grpo_v32"], "grpo_v32 computes none"),
        (["rollout.options={quantization: fp8}", "algorithm.correction=none"], "set algorithm.correction to token_tis"),
        (["policy.init=16B"], "policy.init = 16B is a configuration only"),
        (["warmup.low=0.45"], "warmup.low = 0.45 is not below warmup.high = 0.45"),
        (["algorithm.name=grop"], "did you mean `grpo`?"),
        (["algorithm.name=sft"], "there is no algorithm `sft`"),
        (["rollout.group=1"], "rollout.group = 1 leaves an answer nothing to be compared with"),
        (["algorithm={kl: 0, reference_every: 10}"], "algorithm.reference_every = 10 has no effect with kl = 0"),
        (["algorithm={name: grpo_v32, correction: icepop}"], "would correct grpo_v32 a second time"),
        (["algorithm.clip_high=0.28"], "algorithm.clip_high = 0.28 has no effect with learner.updates_per_rollout = 1"),
        (["algorithm.kl_cov=0.01"], "algorithm.kl_cov = 0.01 has no effect with learner.updates_per_rollout = 1"),
        (
            ["reward.1.fn=length:soft_overlong", "reward.1.options={limit: 80, buffer: 16}"],
            "length:soft_overlong begins after limit - buffer = 64 tokens",
        ),
        (["reward.0.weight=0", "reward.1.weight=0"], "demo.yaml:4: every reward has weight 0"),
        (["data.against=[mth500]"], "data.against names mth500, which is no data set"),
        (["eval.suites=[aime2023]"], "eval.suites names aime2023, which is no data set"),
        (["reward.1.fn=number:correct"], "reward `number:correct` is named twice"),
        (["rollout.workers=33"], "rollout.workers = 32 or less, or rollout.prompts = 33 or more"),
        (["rollout.max_tokens=256"], "rollout.max_tokens = 255 or less, or policy.max_length = 257 or more"),
        (["rollout.max_tokens=1", "policy.max_length=1"], "write policy.max_length = 2 or more"),
        (["learner.updates_per_rollout=3"], "rollout.prompts = 30 or 33, or learner.updates_per_rollout = 2 or 4"),
        (["learner.updates_per_rollout=300"], "rollout.prompts = 75, or learner.updates_per_rollout = 256"),
        (["learner.updates_per_rollout=3", "rollout.workers=32"], "rollout.prompts = 33, or"),
        (["learner.microbatch_tokens=255"], "write 256 or more, or null"),
        (["learner.ranks=300"], "learner.ranks = 300 is more than the 256 answers of one update"),
        (["learner.ranks=33", "learner.updates_per_rollout=8"], "the 32 answers of one update"),
        (["learner.lora={rank: 8}"], "write algorithm.reference_every: 0, or algorithm.kl: 0"),
        (["learner.warmup_steps=80"], "write 79 or less"),
        (["eval.every=81"], "write 80 or less, or 0"),
    ],
)
def test_rules_name_place_value_and_legal_neighbours(base, overrides, expected):
    text = refusal(base, *overrides)
    assert expected in text
    assert "breaks" not in text  # one broken rule stands alone


@pytest.mark.parametrize(
    "overrides",
    [
        ["policy.init=null", "policy.path=org/name"],
        ["policy.init=null", "policy.path=org/name", "warmup=null"],
        ["policy.init=tiny-mtp", "policy.mtp_loss=0.3", "policy.balance_loss=1e-4", "policy.balance_warmup=0.001"],
        ["policy.replay=r2"],
        ["policy.replay=r3", "rollout.options={quantization: fp8}"],
        ["warmup.low=0.44"],
        ["rollout.group=2"],
        ["algorithm={name: grpo_v32, correction: none}"],
        ["algorithm={name: dapo, correction: icepop, sampling_rounds: 1}"],
        ["algorithm={name: gspo, clip_low: 0.01, kl_cov: 0.01}", "learner.updates_per_rollout=2"],
        ["algorithm={name: grpo_v32, clip_low: 0.1}"],
        ["reward.1.fn=length:soft_overlong", "reward.1.options={limit: 64, buffer: 16}"],
        ["algorithm={kl: 0}"],
        ["algorithm={kl: 0.1, reference_every: 0}"],
        ["reward.0.weight=0", "reward.1.weight=-1"],
        ["rollout.workers=32"],
        ["rollout.max_tokens=255"],
        ["learner.updates_per_rollout=4"],
        ["learner.microbatch_tokens=256"],
        ["learner.warmup_steps=79"],
        ["learner.warmup_steps=159", "learner.updates_per_rollout=2"],
        ["eval.every=80"],
    ],
)
def test_rules_allow_what_stands_just_inside(base, overrides):
    load_recipe(base, overrides)


def test_a_group_of_one_is_fine_where_answers_are_not_compared(base, monkeypatch):
    alone = replace(algorithms.get("grpo"), name="alone", group_relative=False)
    monkeypatch.setattr(algorithms, "names", lambda: ["alone"])
    monkeypatch.setattr(algorithms, "get", lambda name: alone)
    load_recipe(base, ["algorithm.name=alone", "rollout.group=1"])


def test_all_broken_rules_come_at_once(base):
    text = refusal(base, "eval.every=81", "rollout.max_tokens=256", "algorithm.name=grop", "data.source=adition")
    assert "breaks 4 rules" in text
    assert all(part in text for part in ("eval.every = 81", "max_tokens = 256", "`grop`", "adition"))


@given(prompts=st.integers(1, 300), group=st.integers(2, 40), updates=st.integers(1, 500), workers=st.integers(1, 300))
def test_the_neighbours_offered_are_legal(prompts, group, updates, workers):
    rollout = {"prompts": prompts, "group": group, "workers": workers}
    recipe = tiny().model_copy(update={"rollout": tiny().rollout.model_copy(update=rollout)})
    recipe = recipe.model_copy(update={"learner": recipe.learner.model_copy(update={"updates_per_rollout": updates})})
    for broken in equal_updates(recipe):
        offered_prompts, offered_updates = (
            [int(number) for number in part.split(" = ")[1].split(" or ")] for part in broken.instead.split(", or ")
        )
        assert offered_prompts
        assert all(n * group % updates == 0 and n >= workers for n in offered_prompts)
        assert all(prompts * group % n == 0 for n in offered_updates)


# Rules about files


def model_folder(folder: Path, config: object, *names: str) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    for name in names:
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize("tokenizer", ["tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("model_type", ["deepseek_v3", "llama", "qwen2", "qwen3"])
def test_a_policy_folder_is_accepted(base, tmp_path, model_type, tokenizer):
    folder = model_folder(tmp_path / "model", {"model_type": model_type} | V3_ROUTING, tokenizer)
    load_recipe(base, ["policy.init=null", f"policy.path={folder}"])


@pytest.mark.parametrize(
    ("config", "names", "expected"),
    [
        ({"model_type": "gpt2"}, ["tokenizer.json"], "has model_type 'gpt2'"),
        ({"model_type": "qwen3"}, [], "has no tokenizer.json"),
        ({"model_type": "deepseek_v3", "topk_method": "noaux_tc"}, ["tokenizer.json"], "scoring_func = None"),
        ({"layers": 2}, ["tokenizer.json"], "without a model_type"),
        ([1], ["tokenizer.json"], "without a model_type"),
        ("{", ["tokenizer.json"], "without a model_type"),
    ],
)
def test_an_unusable_policy_folder_is_refused(base, tmp_path, config, names, expected):
    folder = model_folder(tmp_path / "model", config, *names)
    assert expected in refusal(base, "policy.init=null", f"policy.path={folder}")


def test_a_missing_policy_folder_is_refused(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "name").mkdir(parents=True)
    origin = ["policy.init=null", "policy.path"]
    assert "has no config.json" in refusal(base, origin[0], "policy.path=org/name")  # a folder, hence no hub id
    assert "did you mean `name`" in refusal(base, origin[0], f"policy.path={tmp_path}/org/nane")
    assert "is neither a folder nor a hub id" in refusal(base, origin[0], "policy.path=gpt2")
    assert "cannot be looked up" in refusal(base, origin[0], f"policy.path=/{'x' * 400}")


REWARDS = """
import does_not_exist
from os.path import join
def good(problem, completion): return 1.0
partly = does_not_exist.partial(good)
inline = lambda problem, completion: 0.0
LIMIT = 3
def _private(problem, completion): return 1.0
class Thing: pass
"""


@pytest.mark.parametrize("name", ["good", "partly", "inline"])
def test_a_users_reward_is_found_without_running_its_file(base, tmp_path, name):
    (tmp_path / "mine.py").write_text(REWARDS)
    load_recipe(base, [f"reward.0.fn={tmp_path}/mine.py:{name}"])


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        ("{folder}/mine.py:godo", "it has no function `godo`"),
        ("{folder}/mine.py:LIMIT", "it has no function `LIMIT`"),
        ("{folder}/mine.py:join", "it has no function `join`"),
        ("{folder}/mine.py:_private", "it has no function `_private`"),
        ("{folder}/mine.py:Thing", "it has no function `Thing`"),
        ("{folder}/yours.py:good", "is in no file: there is no"),
        ("{folder}/broken.py:good", "line 1: '(' was never closed"),
        ("{folder}/mine:good", "is in no module of r1rl.rewards"),
        ("number", "is not of the form module:function"),
        ("nummber:correct", "did you mean `number`?"),
        ("number:corect", "did you mean `correct`?"),
        ("__init__:correct", "is in no module of r1rl.rewards"),
    ],
)
def test_a_reward_that_is_not_there_is_refused(base, tmp_path, fn, expected):
    (tmp_path / "mine.py").write_text(REWARDS)
    (tmp_path / "broken.py").write_text("f(")
    assert expected in refusal(base, f"reward.0.fn={fn.format(folder=tmp_path)}")


def test_a_users_problems_are_found_without_running_their_file(base, tmp_path):
    (tmp_path / "mine.py").write_text("import does_not_exist\ndef source(*, seed, **options): ...\n")
    (tmp_path / "none.py").write_text("def sauce(*, seed): ...\n")
    load_recipe(base, [f"data.source={tmp_path}/mine.py", "data.options.anything=1"])
    assert "it has no function `source`" in refusal(base, f"data.source={tmp_path}/none.py")
    assert "did you mean `addition`?" in refusal(base, "data.source=adition")


def test_options_are_tried_on_the_packages_own_problems(base):
    assert "its options are digits" in refusal(base, "data.options={digitz: 3}")
    assert "digits must be" in refusal(base, "data.options={digits: 99}")
    assert "data.options" in refusal(base, "data.options={seed: 3}")


def test_nobody_is_rewarded_for_what_only_the_lenient_judge_calls_right(base):
    lenient = ["reward.0.fn=math:correct", "reward.0.options={extract: lenient}"]
    assert "for evaluation only" in refusal(base, *lenient)
    assert load_recipe(base, [*lenient, "reward.0.weight=0.0"]).reward[0].options == {"extract": "lenient"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{limt: 3, limit: 3}", "has no option `limt`; did you mean `limit`?"),
        ("{}", "needs a value for `limit`"),
        ("{limit: 3, tokens: 3}", "has no option `tokens`"),
        ("{limit: 3}", None),
        ("{limit: 3, slope: 0.5}", None),
    ],
)
def test_the_options_of_a_reward_are_its_keyword_arguments(base, tmp_path, options, expected):
    (tmp_path / "mine.py").write_text("def short(problem, text, *, tokens, limit, slope=1.0): return 0.0\n")
    overrides = [f"reward.1.fn={tmp_path}/mine.py:short", f"reward.1.options={options}"]
    if expected is None:
        assert load_recipe(base, overrides).reward[1].options["limit"] == 3
    else:
        said = refusal(base, *overrides)
        assert all(part in said for part in expected.split("; "))
