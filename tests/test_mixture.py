"""Several sources in turn, each judged in its own way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from r1rl.data import mixture
from r1rl.decontaminate import decontaminated
from r1rl.errors import UserError
from r1rl.rewards import by_source
from r1rl.types import Problem, Verdict

TWO = {
    "addition": 2,
    "countdown": 1,
    "addition.digits": 2,
    "addition.judge": "number:correct",
    "countdown.judge": "countdown:correct",
}


def test_sources_take_turns_by_their_shares_and_none_is_left_out():
    mixed = mixture.source(seed=3, **TWO)
    problems = [mixed.problem("train", n) for n in range(9)]
    assert [p.meta["source"] for p in problems] == ["addition", "addition", "countdown"] * 3
    plain = mixed.parts[0].source
    sums = [p for p in problems if p.meta["source"] == "addition"]
    assert [p.question for p in sums] == [plain.problem("train", n).question for n in range(6)]
    assert sums[0].meta["digits"] == 2


def test_worked_examples_are_those_of_the_same_problem():
    mixed = mixture.source(seed=3, addition=1, **{"addition.judge": "number:correct"})
    problem, text = mixed.worked(4)
    assert problem == mixed.problem("train", 4)
    assert text == mixed.parts[0].source.worked(4)[1]


def test_each_problem_is_judged_as_its_source_says():
    mixed = mixture.source(seed=3, **TWO)
    a, _, c = (mixed.problem("train", n) for n in range(3))
    assert by_source.correct(a, f"<think>x</think><answer>{a.gold}</answer>") is Verdict.CORRECT
    assert by_source.correct(c, "<think>x</think><answer>1</answer>") is not Verdict.CORRECT
    with pytest.raises(KeyError):
        by_source.correct(replace(a, meta={}), "1")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "shares are whole numbers"),
        ({"addition": 0, "addition.judge": "number:correct"}, "shares are whole numbers"),
        ({"addition": 1}, "nobody knows how to judge addition"),
        ({"adition": 1}, "there is no source adition"),
        ({"math500": 1}, "there is no source math500"),
        ({"addition": 1, "countdown.size": 3, "addition.judge": "number:correct"}, "countdown, which has no share"),
        ({"addition": 1, "addition.judge": "number:correct", "addition.digits": 99}, "digits must be"),
    ],
)
def test_what_cannot_be_mixed_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        mixture.source(seed=0, **options)


def test_a_set_says_itself_how_it_is_judged(monkeypatch):
    import r1rl.data.gsm8k_train as module

    monkeypatch.setattr(module, "source", lambda *, seed: "the set")
    (part,) = mixture.source(seed=0, gsm8k_train=1).parts
    assert part.judge == module.CORPUS.reward


def test_every_part_is_held_against_benchmarks(monkeypatch):
    import r1rl.decontaminate as module

    @dataclass(frozen=True)
    class Set:
        splits: dict

    bad = Problem(id="t/1", question="Find x + 2.", gold="1")
    good = Problem(id="t/2", question="Find y * 7.", gold="2")
    mixed = mixture.source(seed=3, **TWO)
    parts = (replace(mixed.parts[0], source=Set({"train": [bad, good]})), mixed.parts[1])
    mixed = replace(mixed, parts=parts)
    monkeypatch.setattr(module, "benchmark", lambda names: [Problem(id="b", question="find x+2", gold="1")])
    kept, found = decontaminated(mixed, ("any",), "drop")
    assert [hit.id for hit in found] == ["t/1"]
    assert kept.parts[0].source.splits["train"] == [good]
    with pytest.raises(UserError, match="share text"):
        decontaminated(mixed, ("any",), "refuse")


def test_a_recipe_can_train_on_a_mixture():
    from r1rl.pipeline.kinds.shared import rooms
    from r1rl.recipe import load_recipe

    options = ", ".join(f"{key}: {value!r}" for key, value in TWO.items())
    recipe = load_recipe(
        "r1_zero_tiny",
        [f"data={{source: mixture, options: {{{options}}}}}", "reward=[{fn: 'by_source:correct'}]", "eval.problems=30"],
    )
    assert {file.stem for file in rooms(recipe)} == {"by_source", "mixture", "addition", "countdown", "number"}
