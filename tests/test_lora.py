"""Adapters: only they are trained, the sampler gets them merged, and what is saved loads with peft and transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from r1rl import algorithms
from r1rl.errors import UserError
from r1rl.learner import Learner, LearnerSpec, actor
from r1rl.loss import Totals, metrics
from r1rl.policy.lora import Lora
from tests import policies
from tests.parcels import opened

LORA = Lora(rank=4, alpha=8.0, targets=())
ALGORITHM = replace(algorithms.get("grpo"), kl=0.1, reference_every=0)
SAMPLES = policies.some_samples(8)


@pytest.fixture(scope="module", params=["llama", "v3"])
def folder(request, tmp_path_factory):
    return policies.write(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def learner(folder, tmp_path, monkeypatch) -> Callable[..., Learner]:
    monkeypatch.setattr(actor, "redirect_output", lambda log: None)
    spec = LearnerSpec(
        run_id=f"lora-{tmp_path.name}",
        device="cpu",
        dtype="float32",
        transport="shm",
        threads=torch.get_num_threads(),
        microbatch_tokens=10_000,
        betas=(0.9, 0.95),
        weight_decay=0.0,
        grad_clip=1.0,
        log=tmp_path / "learner.log",
    )

    def make(start=folder, lora: Lora | None = LORA, **changes) -> Learner:
        made = Learner(replace(spec, **changes))
        made.load(start, "adamw", lora)
        return made

    return make


def update(learner: Learner, seed: int = 0) -> dict[str, float]:
    samples = policies.some_samples(8, seed)
    totals = Totals.of(samples, policies.LENGTH)
    (sums,) = learner.learn([samples], [totals], ALGORITHM, [1e-2], 1.0)
    return metrics(sums, totals)


def flat(logprobs) -> torch.Tensor:
    return torch.tensor([x for row in logprobs for x in row])


def test_only_adapters_are_trained_and_they_begin_as_nothing(learner, folder):
    one, plain = learner(), learner(lora=None)
    before = {name: t.clone() for name, t in one.policy.model.state_dict().items()}
    torch.testing.assert_close(flat(one.logprobs(SAMPLES, 1.0)), flat(plain.logprobs(SAMPLES, 1.0)))
    update(one)
    changed = {n for n, t in one.policy.model.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == {n for n in one.policy.masters.named if "lora_B" in n}  # A moves once B is not zero
    assert all(".lora_" in name for name in one.policy.masters.named)


def test_the_reference_is_the_policy_without_adapters(learner):
    one, plain = learner(), learner(lora=None)
    assert update(one)["learner/kl_to_reference/mean"] == pytest.approx(0, abs=1e-9)
    assert update(one)["learner/kl_to_reference/mean"] > 1e-5
    assert one.reference.copy is None  # it takes no memory
    with one.reference.scorer() as scorer:
        assert scorer is one.policy.scorer
        torch.testing.assert_close(flat(one.logprobs(SAMPLES, 1.0)), flat(plain.logprobs(SAMPLES, 1.0)))


def test_folder_parcel_and_adapter_are_the_policy_that_was_trained(learner, folder, tmp_path):
    one = learner()
    update(one)
    own = flat(one.logprobs(SAMPLES, 1.0))
    one.save(tmp_path / "saved")
    with pytest.raises(UserError, match="all weights"):
        learner(tmp_path / "saved", None)
    one.keep(tmp_path / "kept")
    torch.testing.assert_close(flat(learner(tmp_path / "kept", None).logprobs(SAMPLES, 1.0)), own, rtol=0, atol=1e-4)
    stored = load_file(tmp_path / "saved" / "model.safetensors")
    packed = opened(one.pack(1))
    assert packed.keys() == stored.keys() == load_file(folder / "model.safetensors").keys()
    assert all(torch.equal(packed[name], stored[name]) for name in stored)

    base = AutoModelForCausalLM.from_pretrained(folder)
    adapted = PeftModel.from_pretrained(base, tmp_path / "saved" / "adapter").eval()
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "saved").eval()
    ids = torch.arange(1, 20)[None]
    with torch.no_grad():
        torch.testing.assert_close(adapted(ids).logits, merged(ids).logits, rtol=1e-4, atol=1e-4)
    said = json.loads((tmp_path / "saved" / "adapter" / "adapter_config.json").read_text())
    assert (said["r"], said["lora_alpha"], said["base_model_name_or_path"]) == (4, 8.0, str(folder))


def test_stopped_and_resumed_equals_straight_on(learner, folder, tmp_path):
    straight = learner()
    numbers = [update(straight, seed) for seed in (1, 2)]
    first = learner()
    update(first, 1)
    first.save(tmp_path / "saved")
    second = learner(tmp_path / "saved")
    assert update(second, 2) == numbers[1]
    a, b = straight.policy.tensors(), second.policy.tensors()
    assert all(torch.equal(a[name], b[name]) for name in a)
    second.save(tmp_path / "again")
    said = json.loads((tmp_path / "again" / "adapter" / "adapter_config.json").read_text())
    assert said["base_model_name_or_path"] == str(folder)


def test_targets_that_fit_nothing_are_the_users_error(learner):
    with pytest.raises(UserError, match="q_prj fit no layer"):
        learner(lora=replace(LORA, targets=("q_prj",)))


def test_layers_of_experts_are_refused(learner, folder):
    if "v3" in folder.name:
        with pytest.raises(UserError, match="down_proj are layers of experts"):
            learner(lora=replace(LORA, targets=("o_proj", "down_proj")))
    else:
        adapted = learner(lora=replace(LORA, targets=("o_proj", "down_proj"))).policy.masters.named
        assert {name.split(".")[-4] for name in adapted} == {"o_proj", "down_proj"}
