"""Recipes of distillation: presets, what each method needs, and that errors name the line."""

from __future__ import annotations

import pytest

from r1rl.errors import UserError
from r1rl.recipe.distill import LEARNING_RATES, load_distill
from r1rl.recipe.document import Document, read
from r1rl.recipe.merge import merge, part

BASE = """\
name: small
method: sft
policy: {path: org/student}
traces: {path: kept}
reward: [{fn: "math:correct"}]
rollout: {max_tokens: 64}
learner: {lr: 1e-3}
"""
ON_POLICY = BASE.replace("method: sft", "method: on_policy").replace("traces: {path: kept}", "teacher: {path: org/big}")


def load(tmp_path, text, *overrides):
    file = tmp_path / "small.yaml"
    file.write_text(text)
    return load_distill(file, overrides)


def refusal(tmp_path, text, *overrides):
    with pytest.raises(UserError) as caught:
        load(tmp_path, text, *overrides)
    return str(caught.value)


def test_supervised_learning_falls_as_a_cosine_at_temperature_one(tmp_path):
    run = load(tmp_path, BASE, "rollout.temperature=0.6").as_run(70)
    assert (run.learner.schedule, run.rollout.temperature, run.train.steps) == ("cosine", 1.0, 70)
    assert load(tmp_path, BASE, "learner.schedule=linear").as_run(1).learner.schedule == "linear"


def test_on_policy_keeps_its_temperature_and_schedule(tmp_path):
    recipe = load(tmp_path, ON_POLICY, "train.steps=9", "rollout.temperature=0.6")
    run = recipe.as_run(9)
    assert (run.learner.schedule, run.rollout.temperature) == ("constant", 0.6)
    assert run.algorithm_bundle().name == "opd"


@pytest.mark.parametrize("size", LEARNING_RATES)
def test_presets_fill_what_is_not_written(tmp_path, size):
    text = BASE.replace("learner: {lr: 1e-3}", f"preset: {size}")
    recipe = load(tmp_path, text)
    assert recipe.learner.lr == LEARNING_RATES[size]
    assert (recipe.train.batch, recipe.train.epochs, recipe.policy.max_length) == (64, 2.0, 32768)
    assert load(tmp_path, text, "learner.lr=3e-5").learner.lr == 3e-5


def test_the_rates_are_deepseeks():
    assert LEARNING_RATES == {"1.5B": 1e-4, "7B": 8e-5, "8B": 5e-5, "14B": 7e-5, "32B": 6e-5, "70B": 2e-5}


@pytest.mark.parametrize(
    ("text", "overrides", "says"),
    [
        (BASE, ["traces=null"], "method: sft has no traces"),
        (BASE, ["teacher={path: a/b}"], "method: sft takes no teacher"),
        (BASE, ["method=jsd"], "method: jsd has no teacher"),
        (BASE, ["method=jsd", "teacher={path: a/b}", "learner.ranks=2"], "method: jsd with learner.ranks = 2"),
        (ON_POLICY, [], "method: on_policy has no number of steps"),
        (ON_POLICY, ["train.steps=3", "traces={path: kept}"], "method: on_policy takes no traces"),
        (BASE, ["rollout.max_tokens=256"], "rollout.max_tokens = 256 is not below policy.max_length"),
        (BASE, ["reward=[{fn: 'math:corect'}]"], "corect"),
        (BASE, ["policy.path=null"], "neither policy.path nor policy.init"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, text, overrides, says):
    assert says in refusal(tmp_path, text, *overrides)


def test_an_unknown_key_is_told_with_its_line_and_the_nearest(tmp_path):
    text = refusal(tmp_path, BASE.replace("traces: {path: kept}", "traces:\n  path: kept\n  validaton: 0.1"))
    assert "small.yaml:6: unknown key `traces.validaton`" in text
    assert "validation" in text


def test_every_kind_of_yaml_is_checked(tmp_path):
    from r1rl.pipeline.check import check_any

    (tmp_path / "s.yaml").write_text(BASE)
    assert check_any(tmp_path / "s.yaml", []) == "small: fine (a distillation, sft"
    assert check_any("pipeline_tiny", []).startswith("pipeline_tiny: fine (a pipeline of 18 stages")
    assert check_any("r1_zero_tiny", []) == "r1_zero_tiny: fine (100 steps of 32 x 8 answers, grpo"


def test_opd_without_a_teacher_is_refused():
    from r1rl.recipe import load_recipe

    with pytest.raises(UserError, match="opd has no teacher"):
        load_recipe("r1_zero_tiny", ["algorithm={name: opd}"])


def test_merging_keeps_the_places_of_both():
    upper = read("learner:\n  lr: 1\n", "a", lambda line: f"a:{line}")
    lower = read("x: 1\nlearner:\n  lr: 2\n  betas: [0, 1]\n", "b", lambda line: f"b:{line}")
    both = merge(upper, lower)
    assert both.data == {"learner": {"lr": 1, "betas": [0, 1]}, "x": 1}
    assert [both.place(p) for p in (("learner", "lr"), ("learner", "betas"), ("x",))] == ["a:2", "b:4", "b:1"]


def test_a_part_knows_where_it_stands():
    whole = read("stages:\n  a:\n    do: train\n", "f", lambda line: f"f:{line}")
    found = part(whole, ("stages", "a"))
    assert (found.data, found.place(("do",)), found.place(())) == ({"do": "train"}, "f:3", "f:2")
    assert part(whole, ("defaults",)) == Document({}, {(): "f"})
