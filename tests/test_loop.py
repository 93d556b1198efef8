"""The loop of a run, with nobody behind its verbs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from r1rl import credit, train
from r1rl.checkpoint import Place
from r1rl.errors import RunError
from r1rl.recipe import load_recipe
from r1rl.stream import Stream
from tests.test_harvest import Crew, Source


class Failing(Crew):
    """Its learner begins to work, and fails when it is waited for."""

    def learn(self, samples, step, algorithm):
        def learning():
            raise RunError("a gradient is not finite", "", "")

        return learning


def test_what_was_answered_is_kept_when_learning_from_it_fails(base, tmp_path):
    (tmp_path / "rollouts").mkdir()
    run, stream = SimpleNamespace(folder=tmp_path), Stream(Source(["teaches"]), 0)
    recipe = load_recipe(base)
    with pytest.raises(RunError, match="not finite"):
        train.loop(recipe, run, Failing(), stream, [], None, None, Place(step=0, version=0, position=0), credit.assign)
    kept = (tmp_path / "rollouts" / "step-000001.jsonl").read_text().splitlines()
    assert len(kept) == 2 * recipe.rollout.prompts
