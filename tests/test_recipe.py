"""Recipes: what loads, what is refused, and that each refusal names its place, its value and a way out."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import r1rl.recipe
from r1rl import algorithms
from r1rl.errors import UserError
from r1rl.recipe import (
    MAY_CHANGE_ON_RESUME,
    Recipe,
    diff_recipes,
    dump_recipe,
    find_recipe,
    list_recipes,
    load_recipe,
)
from r1rl.recipe.arithmetic import equal_updates
from r1rl.recipe.document import read
from r1rl.recipe.dump import _leaves
from r1rl.recipe.named import V3_ROUTING
from r1rl.recipe.schema import WarmupSection

BASE = """\
name: demo
policy: {init: tiny}
warmup: {steps: 5, lr: 3e-3}
reward:
  - {fn: "number:correct"}
  - {fn: "format:r1_zero", weight: 0.5}
rollout:
  max_tokens: 64
learner:
  lr: 3.0e-4
train:
  steps: 80
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write(tmp_path, BASE)


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "demo.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refusal(path: Path | str, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load_recipe(path, overrides)
    assert caught.value.why
    assert caught.value.instead
    return str(caught.value)


def tiny() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "demo",
            "policy": {"init": "tiny"},
            "reward": [{"fn": "number:correct"}],
            "rollout": {"max_tokens": 64},
            "learner": {"lr": 3e-4},
            "train": {"steps": 80},
        }
    )


# What loads


def test_a_recipe_loads_with_defaults(base):
    recipe = load_recipe(base)
    assert (recipe.learner.lr, recipe.learner.betas) == (3e-4, (0.9, 0.95))
    assert recipe.warmup == WarmupSection(steps=5, batch=64, lr=3e-3, low=0.10, high=0.45)
    assert (recipe.samples_per_step, recipe.microbatch_tokens) == (256, 8192)
    assert recipe.reward[1].weight == 0.5


def test_microbatches_are_derived_from_the_longest_sequence(base):
    assert load_recipe(base, ["policy.max_length=4096"]).microbatch_tokens == 16384
    assert load_recipe(base, ["learner.microbatch_tokens=300"]).microbatch_tokens == 300


def test_the_bundle_takes_the_recipes_own_numbers(base):
    assert load_recipe(base).algorithm_bundle() == algorithms.GRPO
    own = load_recipe(base, ["algorithm={kl: 0, clip_high: 0.28}"]).algorithm_bundle()
    assert own == replace(algorithms.GRPO, kl=0.0, clip_high=0.28)


@pytest.mark.parametrize("listed", list_recipes(), ids=lambda listed: listed.name)
def test_packaged_recipes_load_by_name(listed):
    recipe = load_recipe(listed.name)
    assert (recipe.name, recipe.claim) == (listed.name, listed.claim)
    assert recipe == load_recipe(listed.path)


def test_a_packaged_name_wins_over_a_folder_but_not_over_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = list_recipes()[0].name
    (tmp_path / name).mkdir()
    assert find_recipe(Path(name)) == list_recipes()[0].path
    (tmp_path / name).rmdir()
    (tmp_path / name).write_text(BASE)
    assert load_recipe(name).name == "demo"


def test_scalars_follow_yaml_1_2():
    values = read("[3e-4, 1E3, .5, 010, yes, ~, true, 1:30, '8', 2024-01-01, .inf, .nan, -2]", "x", str).data
    assert values == [3e-4, 1000.0, 0.5, 10, "yes", None, True, "1:30", "8", "2024-01-01", ".inf", ".nan", -2]


def test_anchors_and_merges(tmp_path):
    text = BASE.replace("{steps: 5, lr: 3e-3}", "&w {steps: 5, lr: 3e-3}")
    text = text.replace("learner:\n", "learner:\n  <<: [{grad_clip: 2.0}, {grad_clip: 9.0, weight_decay: 0.5}]\n")
    recipe = load_recipe(write(tmp_path, text))
    assert (recipe.learner.lr, recipe.learner.grad_clip, recipe.learner.weight_decay) == (3e-4, 2.0, 0.5)
    merged = text.replace("  lr: 3.0e-4\n", "").replace("[{grad_clip: 2.0},", "[*w, {lr: 9.0},")
    assert "unknown key `learner.steps`" in refusal(write(tmp_path, merged))


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from r1rl.recipe import load_recipe; load_recipe('r1_zero_tiny');"
        "print({'torch', 'ray', 'vllm', 'transformers', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# Files that are no recipes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"- 1\n", "holds a list"),
        (b"name: \xff\n", "cannot be read"),
        (b"name: x\x00\n", "is not YAML: special characters"),
        (b"name: x\n  y: 3\n", "demo.yaml:2 is not YAML: mapping values"),
        (b"name: x\nseed: 1\nname: y\n", "demo.yaml:3 has the key `name` a second time"),
        (b"rollout:\n  a: 1\n  a: 2\n", "demo.yaml:3 has the key `a` a second time"),
        (b"name: x\n---\nname: y\n", "demo.yaml:2 is not YAML: expected a single document"),
        (b"a: 1\n? [b, c]\n: d\n", "demo.yaml:2 has a list or a section for a key"),
        (b"a: 1\nb: !!python/object/apply:os.getcwd []\n", "demo.yaml:2 has the tag"),
        (b"a: !!str {b: c}\n", "demo.yaml:1 has the tag"),
        (b"a: 1\n<<: 3\n", "demo.yaml:2 merges"),
        (b"a: *b\n", "undefined alias"),
        (b"a: 1\nseed: " + b"9" * 5000, "demo.yaml:2 has a value that cannot be read: Exceeds the limit"),
        (b'a: 1\nname: "\\ud800"\n', "demo.yaml:2 has a value that cannot be read"),
        (b'name: "\\UFFFFFFFF"\n', "is not YAML"),
        (b"[" * 600, "nested too deeply"),
        (b"a: &a [*a]\n", "nested too deeply"),
        (b"a: &a {<<: *a}\n", "nested too deeply"),
        (b"a" * 1_000_001, "has 1000001 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unreadable_files_are_refused_with_their_line(tmp_path, text, expected):
    assert expected in refusal(write(tmp_path, text))


@pytest.mark.parametrize("level", ["{new}: &{new} [{many}]", "{new}: &{new} {{<<: [{many}]}}"])
def test_a_billion_laughs_end_quickly(tmp_path, level):
    names = "abcdefghij"
    levels = [level.format(new=new, many=", ".join([f"*{old}"] * 10)) for old, new in pairwise(names)]
    assert "aliases expanded" in refusal(write(tmp_path, "\n".join(["a: &a {x: 1}", *levels])))


def test_a_missing_file_names_its_neighbours(base, monkeypatch):
    assert "did you mean `demo.yaml`" in refusal(base.with_name("demmo.yaml"))
    assert "did you mean `r1_zero_tiny`" in refusal("r1_zero_tinny")
    assert "is a folder" in refusal(base.parent)
    assert "demo.yaml" in refusal(base.parent)
    assert "there is no recipe" in refusal(base.with_suffix(""))
    assert "there is no recipe" in refusal("x" * 400)


# The schema


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("train:", "trian:", "demo.yaml:11: unknown key `trian`: did you mean `train`?"),
        ("  lr: 3.0e-4", "  lr: 1.0\n  lrr: 1", "demo.yaml:11: unknown key `learner.lrr`: did you mean `lr`?"),
        ("weight: 0.5", "wieght: 0.5", "demo.yaml:6: unknown key `reward.1.wieght`: did you mean `weight`?"),
        ("steps: 5, lr", "stepz: 5, lr", "demo.yaml:3: unknown key `warmup.stepz`: did you mean `steps`?"),
        ("name: demo\n", "", "demo.yaml: missing key `name`"),
        ("  max_tokens: 64", "  group: 8", "demo.yaml:7: missing key `rollout.max_tokens`: tokens of one answer"),
        ("steps: 80", "steps: yes", "demo.yaml:12: train.steps must be a valid integer, found 'yes'"),
        ("steps: 80", "steps: true", "demo.yaml:12: train.steps must be a valid integer, found True"),
        ("steps: 80", "steps: '80'", "demo.yaml:12: train.steps must be a valid integer, found '80'"),
        ("steps: 80", "steps: 80.0", "demo.yaml:12: train.steps must be a valid integer, found 80.0"),
        ("steps: 80", "steps: 0", "demo.yaml:12: train.steps must be greater than or equal to 1, found 0"),
        ("steps: 80", "steps: 99999999999", "train.steps must be less than or equal to 2147483647"),
        ("lr: 3.0e-4", "lr: fast", "demo.yaml:10: learner.lr must be a valid number, found 'fast'"),
        ("lr: 3.0e-4", "lr: true", "demo.yaml:10: learner.lr must be a valid number, found True"),
        ("lr: 3.0e-4", "lr: .nan", "demo.yaml:10: learner.lr must be a valid number, found '.nan'"),
        ("lr: 3.0e-4", "lr: 1e999", "demo.yaml:10: learner.lr must be a finite number, found inf"),
        ("lr: 3.0e-4", f"lr: {10**400}", "demo.yaml:10: learner.lr must be a valid number, found 1000"),
        ("lr: 3.0e-4", "lr: 0", "demo.yaml:10: learner.lr must be greater than 0, found 0"),
        ("lr: 3.0e-4", "lr:", "demo.yaml:10: learner.lr must be a valid number, found nothing"),
        ("{init: tiny}", "{init: huge}", "demo.yaml:2: policy.init must be 'tiny', found 'huge'"),
        ("policy: {init: tiny}\n", "", "demo.yaml: missing key `policy`\n"),
        ("{init: tiny}", "tiny", "demo.yaml:2: policy must be a section of keys, found 'tiny'"),
        ("name: demo", "name: Demo 1", "demo.yaml:1: name must match ^[a-z0-9][a-z0-9_-]*$, found 'Demo 1'"),
    ],
)
def test_the_schema_names_line_key_value_and_what_is_expected(tmp_path, old, new, expected):
    assert expected in refusal(write(tmp_path, BASE.replace(old, new)))


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("reward=[]", "reward must have at least 1 item, not 0"),
        ("reward={}", "reward must be a list"),
        ("learner.betas=[0.9]", "learner.betas.1 is missing from a list"),
        ("learner.betas=[0.9, 0.9, 0.9]", "learner.betas must have at most 2 items"),
        ("learner.betas=[0.9, 1.0]", "learner.betas.1 must be less than 1"),
        ("data.options.digits=[3]", "data.options.digits must be a text, a finite number, true or false"),
        ("data.options.digits=1e999", "data.options.digits must be a text, a finite number, true or false"),
        ("data.options=3", "data.options must be a section of keys"),
    ],
)
def test_lists_and_options(base, override, expected):
    assert f"override `{override}`: {expected}" in refusal(base, override)


@pytest.mark.parametrize(
    "override",
    [
        "algorithm.clip_low=0",
        "algorithm.clip_low=1.1",
        "algorithm.clip_high=0",
        "algorithm.kl=-0.1",
        "eval.temperature=-0.1",
        "gate.max=0",
        "gate.mean=0",
        "learner.weight_decay=-0.1",
        f"name={'x' * 65}",
        "rollout.group=0",
        "rollout.group=65537",
        "seed=-1",
        "seed=4294967296",
        "train.show=-1",
        "train.show=2147483648",
        "warmup.low=-0.1",
    ],
)
def test_numbers_out_of_bounds_are_refused(base, override):
    assert f"override `{override}`: {override.partition('=')[0]} must" in refusal(base, override)


def test_all_mistakes_come_at_once(base):
    text = refusal(base, "lerner.lr=1", "train.steps=x", "rollout.group=true")
    assert all(
        part in text for part in ("`lerner.lr=1`: unknown key `lerner`", "train.steps must", "rollout.group must")
    )


def test_every_key_has_a_description():
    sections = [r1rl.recipe.schema.__dict__[name] for name in dir(r1rl.recipe.schema) if name.endswith("Section")]
    fields = [(s.__name__, key, field) for s in sections for key, field in s.model_fields.items()]
    assert len(fields) > 40
    assert [(section, key) for section, key, field in fields if not field.description] == []


# Overrides


def test_overrides_reach_sections_lists_and_absent_sections(base):
    recipe = load_recipe(
        base, ["learner.lr=2e-6", "reward.0.weight=0", "data.options.digits=4", "ray.address=", "claim=a=b"]
    )
    assert (recipe.learner.lr, recipe.reward[0].weight) == (2e-6, 0.0)
    assert (recipe.data.options, recipe.ray.address, recipe.claim) == ({"digits": 4}, None, "a=b")
    again = load_recipe(base, ["warmup=null", "warmup.steps=3", "warmup.lr=0.1"])
    assert again.warmup == WarmupSection(steps=3, lr=0.1)


def test_an_override_touches_one_use_of_an_anchor(tmp_path):
    text = BASE.replace('- {fn: "number:correct"}', '- &number {fn: "number:correct"}\n  - *number')
    recipe = load_recipe(write(tmp_path, text), ["reward.1.fn=countdown:correct"])
    assert [reward.fn for reward in recipe.reward] == ["number:correct", "countdown:correct", "format:r1_zero"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("learner.lr", "is not of the form key=value"),
        ("=3", "is not of the form key=value"),
        ("learner..lr=3", "is not of the form key=value"),
        ("learner.lr={", "is not YAML"),
        ("reward.2.weight=1", "wants item `2` of a list of 2"),
        ("reward.-1.weight=1", "wants item `-1` of a list of 2"),
        ("reward.x.weight=1", "wants item `x` of a list of 2"),
        ("policy.init.size=1", "wants `size` inside the plain value 'tiny'"),
    ],
)
def test_overrides_that_reach_nothing_are_refused(base, override, expected):
    assert f"override `{override}` {expected}" in refusal(base, override)


def test_a_wrong_override_is_named_and_the_line_it_replaced_is_not(base):
    text = refusal(base, "learner.lrr=1", "warmup={steps: 5, rate: 3}")
    assert "override `learner.lrr=1`: unknown key `learner.lrr`: did you mean `lr`?" in text
    assert "override `warmup={steps: 5, rate: 3}`: missing key `warmup.lr`" in text
    assert "demo.yaml" not in text


# Rules between keys


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["policy.init=null"], "demo.yaml:2: neither policy.path nor policy.init is given"),
        (["policy.path=org/name"], "demo.yaml:2: policy.path and policy.init are both given"),
        (["warmup=null"], "demo.yaml:2: policy.init = tiny has no warmup"),
        (["warmup.low=0.45"], "warmup.low = 0.45 is not below warmup.high = 0.45"),
        (["algorithm.name=grop"], "did you mean `grpo`?"),
        (["algorithm.name=sft"], "there is no algorithm `sft`"),
        (["rollout.group=1"], "rollout.group = 1 leaves an answer nothing to be compared with"),
        (["algorithm={kl: 0, reference_every: 10}"], "algorithm.reference_every = 10 has no effect with kl = 0"),
        (["reward.0.weight=0", "reward.1.weight=0"], "demo.yaml:4: every reward has weight 0"),
        (["reward.1.fn=number:correct"], "reward `number:correct` is named twice"),
        (["rollout.workers=33"], "rollout.workers = 32 or less, or rollout.prompts = 33 or more"),
        (["rollout.max_tokens=256"], "rollout.max_tokens = 255 or less, or policy.max_length = 257 or more"),
        (["rollout.max_tokens=1", "policy.max_length=1"], "write policy.max_length = 2 or more"),
        (["learner.updates_per_rollout=3"], "rollout.prompts = 30 or 33, or learner.updates_per_rollout = 2 or 4"),
        (["learner.updates_per_rollout=300"], "rollout.prompts = 75, or learner.updates_per_rollout = 256"),
        (["learner.updates_per_rollout=3", "rollout.workers=32"], "rollout.prompts = 33, or"),
        (["learner.microbatch_tokens=255"], "write 256 or more, or null"),
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
        ["warmup.low=0.44"],
        ["rollout.group=2"],
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
    alone = replace(algorithms.GRPO, name="alone", group_relative=False)
    monkeypatch.setitem(algorithms.ALGORITHMS, "alone", alone)
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


# Dump and diff

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = texts | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(1e-12, 1e12)
tricky = st.sampled_from(
    ["3e-4", "1e5", "010", "yes", "null", "~", "<<", "true", "", "1.", "-", "a: b", "# no", "\n x"]
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    fn = st.tuples(texts, texts).map(":".join)
    return Recipe.model_validate(
        {
            **tiny().model_dump(),
            "name": draw(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)),
            "claim": draw(texts | tricky),
            "seed": draw(st.integers(0, 2**32 - 1)),
            "ray": {"address": draw(st.none() | texts | tricky)},
            "data": {"options": draw(st.dictionaries(texts | tricky, scalars | tricky, max_size=4))},
            "warmup": draw(st.none() | st.fixed_dictionaries({"steps": st.integers(1, 9), "lr": positive})),
            "reward": draw(st.lists(st.fixed_dictionaries({"fn": fn, "weight": positive}), min_size=1, max_size=3)),
            "learner": {"lr": draw(positive), "betas": [draw(st.floats(0, 0.999)), 0.5]},
        }
    )


@given(recipes())
def test_a_dumped_recipe_reads_back_equal(recipe):
    assert Recipe.model_validate(read(dump_recipe(recipe), "dump", str).data) == recipe


def test_a_dumped_recipe_loads(base, tmp_path):
    recipe = load_recipe(base, ["learner.lr=1e-5", "data.options={digits: 4}", "claim='a: b # c'"])
    assert load_recipe(write(tmp_path, dump_recipe(recipe))) == recipe


@given(recipes(), recipes())
def test_recipes_differ_in_a_key_exactly_if_they_are_unequal(a, b):
    assert diff_recipes(a, a) == []
    assume(a != b)
    assert diff_recipes(a, b)
    assert set(diff_recipes(a, b)) == set(diff_recipes(b, a))


def test_a_difference_names_its_key(base):
    def against(*overrides: str) -> list[str]:
        return diff_recipes(load_recipe(base), load_recipe(base, overrides))

    assert against("learner.lr=1e-9", "train.steps=9") == ["learner.lr", "train.steps"]
    assert against("data.options={digits: 4}") == ["data.options.digits"]
    assert against("learner.betas=[0.9, 0.99]") == ["learner.betas.1"]
    assert against('reward=[{fn: "number:correct"}]') == ["reward.1.fn", "reward.1.weight"]


def test_what_may_change_on_resume_exists():
    assert {key for key, _ in _leaves(tiny().model_dump(), ())} >= MAY_CHANGE_ON_RESUME


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(r1rl.recipe.__path__)])
def test_worked_examples(module):
    assert doctest.testmod(importlib.import_module(f"r1rl.recipe.{module}")).failed == 0


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
