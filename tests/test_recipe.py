"""Recipes: what loads, what is refused, and that each refusal names its place, its value and a way out."""

from __future__ import annotations

import doctest
import importlib
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
from r1rl.correction import PRESETS
from r1rl.recipe import (
    MAY_CHANGE_ON_RESUME,
    Recipe,
    diff_recipes,
    dump_recipe,
    find_recipe,
    list_recipes,
    load_recipe,
)
from r1rl.recipe.document import read
from r1rl.recipe.dump import _leaves
from r1rl.recipe.load import read_document
from r1rl.recipe.schema import WarmupSection
from tests.recipes import BASE, refusal, tiny, write

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
    assert load_recipe(base).algorithm_bundle() == algorithms.get("grpo")
    overrides = ["algorithm={kl: 0, clip_high: 0.28, correction: icepop}", "learner.updates_per_rollout=2"]
    own = load_recipe(base, overrides).algorithm_bundle()
    assert own == replace(algorithms.get("grpo"), kl=0.0, clip_high=0.28, correction=PRESETS["icepop"])


TRAINING = [listed for listed in list_recipes() if "stages" not in read_document(listed.path).data]


@pytest.mark.parametrize("listed", TRAINING, ids=lambda listed: listed.name)
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
        ("{init: tiny}", "{init: [tiny]}", "demo.yaml:2: policy.init must be a valid string, found ['tiny']"),
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
