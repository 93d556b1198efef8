"""Companions through the real learner: several updates on one rollout, several ways to run it, and going on exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import r1rl.learner.actor
from r1rl import algorithms
from r1rl.errors import RunError
from r1rl.learner import Learner, LearnerSpec
from r1rl.loss import Totals
from r1rl.policy import model as policy_model
from r1rl.policy import routers
from r1rl.policy.companion import Settings
from tests.miniature import as_routes, new_model, new_samples

ALL = Settings(replay="r2", balance_speed=0.01, balance_loss=0.1, mtp_loss=0.3)
ALGORITHM = replace(algorithms.get("grpo"), kl=0.0)


@pytest.fixture
def learner(tmp_path, monkeypatch) -> Callable[..., Learner]:
    monkeypatch.setattr(r1rl.learner.actor, "redirect_output", lambda log: None)
    policy_model.save(new_model(), torch.float32, tmp_path / "policy")

    def make(extras: Settings, start: Path = tmp_path / "policy", **changes) -> Learner:
        spec = LearnerSpec(
            run_id=f"test-{tmp_path.name}",
            device="cpu",
            dtype="float32",
            transport="shm",
            threads=torch.get_num_threads(),
            microbatch_tokens=8192,
            betas=(0.9, 0.95),
            weight_decay=0.0,
            grad_clip=1.0,
            log=tmp_path / "learner.log",
        )
        made = Learner(replace(spec, **changes))
        made.load(start, "adamw", None, extras)
        return made

    return make


def learn(learner: Learner, seed: int = 1, algorithm=ALGORITHM, samples=None) -> list[dict[str, float]]:
    samples = samples or new_samples(seed)
    parts = [samples[::2], samples[1::2]]
    totals = [Totals.of(part, 48) for part in parts]
    return learner.learn(parts, totals, algorithm, [1e-3, 1e-3], 1.0)


def state(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.policy.model.state_dict().items()}


def close(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(
            a[name], b[name], rtol=1e-3, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_two_updates_with_everything_on(learner):
    one = learner(ALL)
    before = state(one)
    sums = learn(one)
    after = state(one)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == set(before), "every parameter is trained and every bias moves"
    for numbers in sums:
        assert numbers["max/policy/replay/moved/frac"] >= 0
        assert numbers["max/policy/mtp/nll/mean"] > 0
        assert numbers["max/policy/load_cv/layer_mtp"] > 0
    assert sums[0]["max/policy/replay/moved/frac"] == 0.0, "the first update routes as before it"
    learn(one, seed=2)  # every record was used: the next rollout starts clean


@pytest.mark.parametrize("changes", [{"microbatch_tokens": 12}, {"checkpointing": True}], ids=["small", "recomputed"])
def test_how_it_is_run_changes_nothing(learner, changes):
    plain, other = learner(ALL), learner(ALL, **changes)
    for one in (plain, other):
        learn(one)
    close(state(plain), state(other))


def test_frozen_and_off_is_as_if_they_were_not_there(learner):
    one, none = learner(Settings()), learner(Settings())
    none.companions = []
    for each in (one, none):
        learn(each)
    a, b = state(one), state(none)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_it_goes_on_exactly(learner, tmp_path):
    straight, first = learner(ALL), learner(ALL)
    learn(straight, 1)
    numbers = learn(straight, 2)
    learn(first, 1)
    (tmp_path / "saved").mkdir()
    first.save(tmp_path / "saved")
    second = learner(ALL, start=tmp_path / "saved")
    again = learn(second, 2)
    for a, b in zip(numbers, again, strict=True):
        assert {k: v for k, v in a.items() if "policy" in k} == {k: v for k, v in b.items() if "policy" in k}
    a, b = state(straight), state(second)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_r3_follows_the_sampler_and_stops_without_it(learner):
    one = learner(Settings(replay="r3"))
    samples = [replace(s, routes=as_routes(new_model(), s)) for s in new_samples()]
    sums = learn(one, samples=samples)
    assert sums[0]["max/policy/replay/moved/frac"] > 0.5  # random routes
    with pytest.raises(RunError, match="returned no routes"):
        learn(one)


def test_bfloat16_keeps_biases_in_float32_and_trains(learner):
    one = learner(ALL, dtype="bfloat16")
    learn(one)
    for router in routers.of(one.policy.model).values():
        bias = router.e_score_correction_bias
        assert bias.dtype == torch.float32
        assert bias.abs().max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("count", [8, 2], ids=["all busy", "one idle"])
def test_two_ranks_do_what_one_does(ray_session, tmp_path, count):
    from tests.parcels import opened
    from tests.test_ranks import learners

    policy_model.save(new_model(), torch.float32, tmp_path / "policy")
    samples = (new_samples(1) + new_samples(2))[:count]  # two updates: with two samples each leaves a rank idle
    parts = [samples[::2], samples[1::2]]
    totals = [Totals.of(part, 48) for part in parts]
    sent, said = [], []
    for ranks in (1, 2):
        (tmp_path / str(ranks)).mkdir()
        with learners(ranks, tmp_path / str(ranks)) as together:
            together.load(tmp_path / "policy", "adamw", None, ALL)
            numbers = together.learn(parts, totals, ALGORITHM, [1e-3, 1e-3], 1.0)()
            sent.append(opened(together.pack(1)))
        said.append([{k: v for k, v in n.items() if k.startswith("max/policy/")} for n in numbers])
    close(sent[1], sent[0])
    for a, b in zip(*said, strict=True):
        assert b == pytest.approx(a, rel=1e-3, abs=1e-6)
