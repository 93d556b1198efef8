"""What is rounded and what is not: masters, loss scale, optimizers that live elsewhere."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from r1rl import algorithms
from r1rl.errors import RunError, UserError
from r1rl.learner import Learner, LearnerSpec, actor
from r1rl.learner.loss_scale import PATIENCE, LossScale
from r1rl.loss import Totals
from r1rl.policy.masters import Masters
from tests import policies

SAMPLES = policies.some_samples(8)
ALGORITHM = replace(algorithms.get("grpo"), kl=0.0)


@pytest.fixture(scope="module", params=["llama", "v3"])
def folder(request, tmp_path_factory):
    return policies.write(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def learner(folder, tmp_path, monkeypatch) -> Callable[..., Learner]:
    monkeypatch.setattr(actor, "redirect_output", lambda log: None)
    spec = LearnerSpec(
        run_id="precision",
        device="cpu",
        dtype="float32",
        transport="shm",
        threads=torch.get_num_threads(),
        microbatch_tokens=60,
        betas=(0.9, 0.95),
        weight_decay=0.01,
        grad_clip=1.0,
        log=tmp_path / "learner.log",
    )

    def make(start=folder, optimizer: str = "adamw", **changes) -> Learner:
        made = Learner(replace(spec, **changes))
        made.load(start, optimizer)
        return made

    return make


def update(learner: Learner, lr: float = 1e-3, samples=SAMPLES) -> dict[str, float]:
    return learner.learn([samples], [Totals.of(samples, policies.LENGTH)], ALGORITHM, [lr], 1.0)[0]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_steps_too_small_for_half_precision_add_up_in_the_masters(learner, dtype):
    one = learner(dtype=dtype)
    half = getattr(torch, dtype)
    before = {name: t.clone() for name, t in one.policy.masters.named.items()}
    for _ in range(3):
        update(one, lr=1e-6)
    masters, computing = one.policy.masters.named, dict(one.policy.model.named_parameters())
    assert all(m.dtype == torch.float32 and computing[name].dtype == half for name, m in masters.items())
    assert all(torch.equal(m.to(half), computing[name]) for name, m in masters.items())
    assert all(not torch.equal(m, before[name]) for name, m in masters.items())
    assert all(b.dtype == torch.float32 for name, b in one.policy.model.named_buffers() if "bias" in name)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_gradients_are_near_those_of_float32(learner, dtype):
    norms = [update(learner(dtype=kind))["max/grad_norm"] for kind in ("float32", dtype)]
    assert norms[1] == pytest.approx(norms[0], rel=0.1)


def test_gradients_of_micro_batches_are_summed_in_float32():
    model = torch.nn.Linear(1, 1, bias=False)
    masters = Masters.of(model, torch.bfloat16, torch.device("cpu"))
    for value in (1.0, 1 / 256, 1 / 256):  # each lost in bfloat16, where 1 + 1/256 is 1
        model(torch.tensor([[value]], dtype=torch.bfloat16)).sum().backward()
    assert masters.named["weight"].grad.item() == 1 + 2 / 256
    assert model.weight.grad is None


def test_an_optimizer_on_the_cpu_takes_the_same_steps(learner):
    here, there = learner(), learner(optimizer="adamw_cpu")
    for _ in range(2):
        assert update(here)["max/grad_norm"] == update(there)["max/grad_norm"]
    a, b = here.policy.tensors(), there.policy.tensors()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.slow  # torchao compiles its step for each shape
@pytest.mark.parametrize("folder", ["llama"], indirect=True)
def test_eight_bit_moments_learn_alike_and_go_on_exactly(learner, tmp_path):
    pytest.importorskip("torchao")
    exact, one = learner(), learner(optimizer="adamw_8bit")
    start = one.policy.tensors()["lm_head.weight"].clone()
    for _ in range(3):
        update(exact), update(one)
    moved, there = one.policy.tensors()["lm_head.weight"] - start, exact.policy.tensors()["lm_head.weight"] - start
    assert torch.nn.functional.cosine_similarity(moved.flatten(), there.flatten(), dim=0) > 0.99
    assert any(type(state) is not torch.Tensor for state in one.optimizer.tensors().values())  # 8 bits, not 32
    one.save(tmp_path)
    other = learner(tmp_path, optimizer="adamw_8bit")
    for both in (one, other):
        update(both)
    a, b = one.policy.tensors(), other.policy.tensors()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_eight_bit_state_says_what_it_needs(learner, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchao.optim", None)  # as if it were not installed
    with pytest.raises(UserError, match="needs torchao"):
        learner(optimizer="adamw_8bit")


def test_an_overflow_in_float16_is_left_out_and_halves_the_scale(learner):
    one = learner(dtype="float16")
    one.scale.value = 2.0**30  # every gradient overflows
    before = {name: t.clone() for name, t in one.policy.tensors().items()}
    sums = update(one)
    assert (sums["max/skipped"], sums["max/grad_norm"], one.updates) == (1.0, 0.0, 0)
    after = one.policy.tensors()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert one.scale.value == 2.0**29
    one.scale.value = 2.0**10
    assert update(one)["max/skipped"] == 0.0


def test_the_scale_of_the_loss_changes_no_gradient(learner):
    one, other = learner(), learner()
    other.scale = LossScale(value=1024.0, moves=True)
    assert update(one)["max/grad_norm"] == pytest.approx(update(other)["max/grad_norm"], rel=1e-5)


def test_a_scale_rises_with_patience_and_gives_up_below_one():
    scale = LossScale(value=4.0, moves=True)
    for _ in range(PATIENCE):
        scale.worked()
    assert scale.value == 8.0
    for _ in range(3):
        scale.failed(1, math.inf)
    with pytest.raises(RunError, match="not finite"):
        scale.failed(1, math.nan)
    with pytest.raises(RunError, match="not finite"):
        LossScale.of("bfloat16").failed(1, math.inf)


def test_a_state_that_is_asked_for_before_any_step_has_taken_none(learner):
    state = learner().optimizer.tensors()
    assert any(name.endswith("/step") for name in state)
    assert all(not value.any() for value in state.values())
