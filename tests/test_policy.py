"""The policy and its learner without Ray: log-probs, tokenizer, folders, and updates that stop and go on exactly."""

from __future__ import annotations

import json
import math
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoModelForCausalLM, AutoTokenizer

import r1rl.learner.actor
from r1rl import algorithms
from r1rl.algorithm import SFT, Algorithm
from r1rl.correction import PRESETS
from r1rl.errors import RunError
from r1rl.learner import Learner, LearnerSpec
from r1rl.loss import Totals, metrics
from r1rl.packing import Packing
from r1rl.policy import init, logprobs, optimizers, tokenizer
from r1rl.policy import model as policy_model
from r1rl.policy.scorer import Scorer
from r1rl.types import Sample
from tests import policies
from tests.parcels import opened

PHRASE = "Think first, then answer <answer> like this </answer>. User: "
TEXTS = [f" {i}+{j}=? <think>{i}+{j} is {i + j}</think><answer>{i + j}</answer>" for i in range(14) for j in range(14)]
CPU = torch.device("cpu")
LENGTH = 48


@pytest.fixture(scope="module")
def own():
    return tokenizer.train(TEXTS, PHRASE)


def new_model(own, seed: int = 0):
    model = init.make("tiny", own, LENGTH, seed)
    torch.manual_seed(seed)
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.normal_(std=0.05)  # a new policy has zeros: nothing could be lost there
    return model


@pytest.fixture(scope="module")
def folder(own, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    policy_model.save(new_model(own), torch.float32, folder)
    own.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def policy(folder):
    return policy_model.load(folder, torch.float32, CPU)


def same_weights(a, b) -> bool:
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# --- log-probs -------------------------------------------------------------------------------------------------------


def a_batch(own) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    ids = torch.randint(0, len(own), (3, 11))
    keep = torch.zeros(3, 11, dtype=torch.bool)
    keep[0, 4:11] = keep[1, 1:3] = keep[2, 6:9] = True
    return ids, keep


def token_logprobs(model, ids, keep, temperature, entropy_gradient=False):
    """Of rows of equal length, packed."""
    packing = Packing.of([ids.shape[1]] * len(ids), CPU)
    return Scorer(model)(
        ids.reshape(1, -1), packing, keep.reshape(-1).nonzero().squeeze(-1), temperature, entropy_gradient
    )


def slow_logprobs(model, ids, keep, temperature):
    """From the whole softmax in float64, one token after the other."""
    logits = model(input_ids=ids, use_cache=False).logits.double() / temperature
    found, entropies = [], []
    for row in range(ids.shape[0]):
        for place in range(ids.shape[1]):
            if keep[row, place]:
                p = logits[row, place - 1].exp() / logits[row, place - 1].exp().sum()
                found.append(p[ids[row, place]].log())
                entropies.append(-sum(x * x.log() for x in p.detach()))
    return torch.stack(found), torch.stack(entropies)


@pytest.mark.parametrize("temperature", [1.0, 0.6, 2.0])
def test_logprobs_and_entropy_agree_with_the_slow_ones(own, policy, temperature):
    ids, keep = a_batch(own)
    with torch.no_grad():
        found, entropy = token_logprobs(policy, ids, keep, temperature)
        expected, expected_entropy = slow_logprobs(policy, ids, keep, temperature)
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(entropy.double(), expected_entropy, rtol=1e-5, atol=1e-5)


def test_chunks_change_nothing_not_even_the_gradient(own, policy, monkeypatch):
    ids, keep = a_batch(own)
    head = policy.get_output_embeddings().weight
    results = []
    for chunk in (2048, 5, 1):
        monkeypatch.setattr(logprobs, "CHUNK", chunk)
        found, entropy = token_logprobs(policy, ids, keep, 0.7)
        results.append((found.detach(), entropy, torch.autograd.grad((found * found).sum(), head)[0]))
        assert not entropy.requires_grad
    for other in results[1:]:
        torch.testing.assert_close(other, results[0], rtol=1e-5, atol=1e-5)


def test_the_logits_of_all_tokens_never_exist(monkeypatch):
    """Neither in the forward nor in the backward pass is there a tensor of more than CHUNK x V."""
    tokens, width, vocabulary, chunk = 64, 8, 1000, 8
    monkeypatch.setattr(logprobs, "CHUNK", chunk)
    hidden = torch.randn(tokens, width, requires_grad=True)
    head = torch.randn(vocabulary, width, requires_grad=True)
    with Largest() as seen:
        found, entropy = logprobs.head_logprobs(hidden, head, torch.arange(tokens), 0.7, entropy_gradient=True)
        (found.sum() + entropy.sum()).backward()
    assert seen.numel == chunk * vocabulary == 8000 < tokens * vocabulary


class Largest(TorchDispatchMode):
    """Watches for the largest tensor that any operation makes."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self.numel = max(self.numel, tensor.numel())
        return out


@pytest.mark.parametrize("name", ["llama", "qwen2", "qwen3", "v3"])
def test_packed_attention_of_every_family_equals_each_sequence_alone(name):
    model = policies.make(name)
    rows = [torch.randint(0, policies.VOCABULARY, (n,)) for n in (11, 9, 9, 3, 17)]
    keep = [torch.arange(len(row)) > 0 for row in rows]
    packed = torch.cat(rows)[None], Packing.of([len(row) for row in rows], CPU), torch.cat(keep).nonzero().squeeze(-1)
    with torch.no_grad():
        model.set_attn_implementation("eager")
        expected = [slow_logprobs(model, row[None], k[None], 0.7)[0] for row, k in zip(rows, keep, strict=True)]
        found, _ = Scorer(model)(*packed, 0.7)
    torch.testing.assert_close(found.double(), torch.cat(expected), rtol=1e-4, atol=1e-4)


# --- tokenizer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [PHRASE, *tokenizer.TAGS, tokenizer.END])
def test_phrase_and_tags_are_one_token(own, text):
    assert len(own.encode(text, add_special_tokens=False)) == 1
    assert len(own.encode(f"1{text}2", add_special_tokens=False)) == 3


def test_digits_and_signs_stand_alone(own):
    pieces = [own.decode([i]) for i in own.encode(" 12+13=25", add_special_tokens=False)]
    assert pieces == [" ", *"12+13=25"]
    many = [piece for piece in own.get_vocab() if len(piece) > 1 and any(c in piece for c in "0123456789+*=")]
    assert many == []


@settings(max_examples=100)
@given(st.text(alphabet=string.printable[:95], max_size=40))
def test_printable_text_comes_back(own, text):
    for whole in (text, PHRASE + text, f"<think>{text}</think> <answer>{text}</answer>"):
        assert own.decode(own.encode(whole, add_special_tokens=False), skip_special_tokens=False) == whole


def test_the_saved_tokenizer_is_the_same(own, folder):
    again = AutoTokenizer.from_pretrained(folder)
    for text in (PHRASE + TEXTS[7], " ~ Zyx  , ."):
        ids = own.encode(text, add_special_tokens=False)
        assert again.encode(text, add_special_tokens=False) == ids
        assert again.decode(ids) == text
    assert (again.eos_token, len(again)) == (tokenizer.END, len(own))


# --- folders ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_weights(own):
    first = init.make("tiny", own, LENGTH, 3)
    assert same_weights(first, init.make("tiny", own, LENGTH, 3))
    assert not same_weights(first, init.make("tiny", own, LENGTH, 4))


def test_routers_can_tell_experts_apart(own):
    routers = [p for n, p in init.make("tiny", own, LENGTH, 0).named_parameters() if n.endswith("mlp.gate.weight")]
    assert len(routers) == 2
    for router in routers:
        assert router.std() > 0.01
        assert len(router.unique(dim=0)) == len(router)


def test_transformers_loads_the_folder_completely(folder):
    _, report = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert {key: found for key, found in report.items() if found} == {}


def test_config_says_what_vllm_reads(folder):
    config = json.loads((folder / "config.json").read_text())
    wanted = {
        "architectures": ["DeepseekV3ForCausalLM"],
        "model_type": "deepseek_v3",
        "topk_method": "noaux_tc",
        "scoring_func": "sigmoid",
        "moe_router_dtype": "float32",
        "dtype": "float32",
        "max_position_embeddings": LENGTH,
        "num_nextn_predict_layers": 0,
        "eos_token_id": 0,
    }
    assert {key: config.get(key) for key in wanted} == wanted


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_folder_holds_what_the_sampler_gets(own, tmp_path, dtype):
    model = new_model(own)
    policy_model.save(model, dtype, tmp_path)
    stored, sent = load_file(tmp_path / "model.safetensors"), dict(policy_model.exported(model, dtype))
    assert stored.keys() == sent.keys()
    for name, tensor in sent.items():
        expected = torch.float32 if name.endswith("e_score_correction_bias") else dtype
        assert stored[name].dtype == tensor.dtype == expected, name
        assert torch.equal(stored[name], tensor), name
    assert sum("e_score_correction_bias" in name for name in sent) == 2
    assert sum(".experts." in name for name in sent) == 2 * 8 * 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_folder_loads_to_the_weights_it_was_saved_from(own, tmp_path, dtype):
    model = new_model(own)
    policy_model.save(model, dtype, tmp_path)
    again = policy_model.load(tmp_path, dtype, CPU)
    for name, tensor in model.state_dict().items():
        rounded = tensor if name.endswith("e_score_correction_bias") else tensor.to(dtype)
        assert torch.equal(again.state_dict()[name], rounded), name


# --- optimizer -------------------------------------------------------------------------------------------------------


def step(model, optimizer, seed: int) -> None:
    torch.manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step(0.01)


@pytest.mark.parametrize(("name", "parts"), [("adamw", 1), ("muon", 2)])
def test_an_optimizer_goes_on_from_its_state(own, name, parts):
    straight, stopped = new_model(own), new_model(own)
    first, second = (optimizers.build(name, dict(m.named_parameters()), (0.9, 0.95), 0.01) for m in (straight, stopped))
    assert len(first.parts) == parts
    held = [p for part in first.parts for group in part.param_groups for p in group["params"]]
    assert sorted(map(id, held)) == sorted(map(id, straight.parameters())), "each parameter once"
    for seed in (1, 2):
        step(straight, first, seed)
    step(stopped, second, 1)
    third = optimizers.build(name, dict(stopped.named_parameters()), (0.9, 0.95), 0.01)
    kept = {key: tensor.clone() for key, tensor in second.tensors().items()}
    before = {key: tensor.clone() for key, tensor in stopped.state_dict().items()}
    for key, tensor in third.tensors().items():
        tensor.copy_(kept.pop(key))
    assert not kept
    assert all(torch.equal(before[key], tensor) for key, tensor in stopped.state_dict().items())
    step(stopped, third, 2)
    assert same_weights(straight, stopped)
    assert all(p.grad is None for p in straight.parameters())


# --- learner ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def learner(folder, tmp_path, monkeypatch) -> Callable[..., Learner]:
    """Makes learners that leave this process's output and threads as they are."""
    monkeypatch.setattr(r1rl.learner.actor, "redirect_output", lambda log: None)
    spec = LearnerSpec(
        run_id=f"test-{tmp_path.name}",
        device="cpu",
        dtype="float32",
        transport="shm",
        threads=torch.get_num_threads(),
        microbatch_tokens=8192,
        betas=(0.9, 0.95),
        weight_decay=0.01,
        grad_clip=1.0,
        log=tmp_path / "learner.log",
    )

    def make(start: Path = folder, optimizer: str = "adamw", **changes) -> Learner:
        made = Learner(replace(spec, **changes))
        made.load(start, optimizer)
        return made

    return make


def some_samples(policy, vocabulary: int, seed: int, count: int = 5) -> list[Sample]:
    """Samples of unlike lengths and advantages, written by a policy a little off this one."""
    torch.manual_seed(seed)
    samples = []
    for i in range(count):
        ids = torch.randint(0, vocabulary, (1, 5 + 2 * i))
        keep = torch.arange(ids.shape[1])[None] >= 3 + i % 2
        with torch.no_grad():
            found = token_logprobs(policy, ids, keep, 1.0)[0]
        samples.append(
            Sample(
                prompt_ids_T=tuple(ids[~keep].tolist()),
                token_ids_T=tuple(ids[keep].tolist()),
                logprobs_T=tuple((found + 0.15 * torch.randn(found.shape)).tolist()),
                advantages_T=((-1.3, 0.4, 1.7, 0.0, -0.6)[i % 5],) * len(found),
            )
        )
    return samples


@pytest.fixture(scope="module")
def samples(policy, own):
    return [some_samples(policy, len(own), seed) for seed in (1, 2)]


GRPO = replace(algorithms.get("grpo"), ratio_to="sampler", correction=PRESETS["none"])
ALGORITHM = replace(GRPO, aggregation="token", clip_low=0.2, clip_high=0.2, kl=0.1, reference_every=0)


def update(learner: Learner, samples, algorithm: Algorithm, lr: float, temperature: float) -> dict[str, float]:
    """One optimizer update and its metrics."""
    totals = Totals.of(samples, LENGTH)
    (sums,) = learner.learn([samples], [totals], algorithm, [lr], temperature)
    return metrics(sums, totals)


def gradients(learner: Learner, samples, monkeypatch) -> dict[str, torch.Tensor]:
    """The gradient of one update, which is then not taken."""
    found: dict[str, torch.Tensor] = {}

    def keep(lr: float) -> None:
        found.update({name: p.grad.clone() for name, p in learner.policy.masters.named.items()})
        learner.optimizer.forget_gradients()

    monkeypatch.setattr(learner.optimizer, "step", keep)
    update(learner, samples, ALGORITHM, 0.0, 0.9)
    return found


def slow_gradients(model, reference, samples, temperature) -> dict[str, torch.Tensor]:
    """One sample at a time, from whole softmaxes, the formula written out."""
    total = sum(len(s.token_ids_T) for s in samples)
    for s in samples:
        ids = torch.tensor([[*s.prompt_ids_T, *s.token_ids_T]])
        keep = torch.arange(ids.shape[1])[None] >= len(s.prompt_ids_T)
        new = slow_logprobs(model, ids, keep, temperature)[0]
        ref = slow_logprobs(reference, ids, keep, temperature)[0].detach()
        for x, old, r, a in zip(new, s.logprobs_T, ref, s.advantages_T, strict=True):
            ratio = (x - old).exp()
            worth = min(ratio * a, ratio.clamp(0.8, 1.2) * a)
            loss = ALGORITHM.kl * ((r - x).exp() - (r - x) - 1) - worth
            (loss / total).backward(retain_graph=True)
    return {name: p.grad for name, p in model.named_parameters()}


def test_the_gradient_agrees_with_the_slow_one_for_any_micro_batches(learner, folder, own, samples, monkeypatch):
    moved = policy_model.load(folder, torch.float32, CPU)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.mul_(1.02)  # away from the reference, where the KL has a slope
    expected = slow_gradients(moved, policy_model.load(folder, torch.float32, CPU), samples[0], 0.9)
    for tokens in (8192, 30, 1):
        one = learner(microbatch_tokens=tokens, grad_clip=1e9)
        one.reference.refresh(0, 0)
        one.policy.model.load_state_dict(moved.state_dict())
        found = gradients(one, samples[0], monkeypatch)
        assert found.keys() == expected.keys()
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5, msg=f"{name} at {tokens}")


@pytest.mark.parametrize(
    ("dtype", "optimizer", "algorithm"),
    [
        ("float32", "adamw", ALGORITHM),
        ("float32", "adamw", replace(ALGORITHM, reference_every=2)),
        ("bfloat16", "adamw", ALGORITHM),
        ("float32", "muon", SFT),
    ],
    ids=["kl", "refreshed", "bf16", "muon"],
)
def test_stopped_and_resumed_equals_straight_on(learner, samples, tmp_path, dtype, optimizer, algorithm):
    batches = [*samples, samples[0]]
    straight = learner(dtype=dtype, optimizer=optimizer)
    numbers = [update(straight, batch, algorithm, 1e-3, 1.0) for batch in batches]

    first = learner(dtype=dtype, optimizer=optimizer)
    update(first, batches[0], algorithm, 1e-3, 1.0)
    (tmp_path / "saved").mkdir()
    first.save(tmp_path / "saved")
    second = learner(tmp_path / "saved", dtype=dtype, optimizer=optimizer)
    assert second.updates == 1
    resumed = [update(second, batch, algorithm, 1e-3, 1.0) for batch in batches[1:]]

    assert resumed == numbers[1:]
    assert same_weights(straight.policy.model, second.policy.model)
    assert not same_weights(first.policy.model, second.policy.model)
    if algorithm.kl:
        assert same_weights(straight.reference.copy, second.reference.copy)
        assert numbers[1]["learner/kl_to_reference/mean"] > 0


def test_the_reference_stays_until_it_is_due(learner, samples):
    one = learner()
    algorithm = replace(ALGORITHM, reference_every=2)
    seen = []
    for _ in range(3):
        update(one, samples[0], algorithm, 1e-3, 1.0)
        seen.append({name: t.clone() for name, t in one.reference.copy.model.state_dict().items()})
    key = "lm_head.weight"
    assert torch.equal(seen[0][key], seen[1][key])
    assert not torch.equal(seen[1][key], seen[2][key])


def test_without_kl_no_reference_is_kept(learner, samples):
    one = learner()
    update(one, samples[0], replace(GRPO, kl=0.0), 1e-3, 1.0)
    assert one.reference.copy is None


def test_a_gradient_that_is_not_finite_changes_nothing(learner, samples):
    straight, hurt = learner(), learner()
    poisoned = [
        *samples[0][:-1],
        replace(samples[0][-1], advantages_T=(float("nan"),) * len(samples[0][-1].token_ids_T)),
    ]
    with pytest.raises(RunError, match="gradient of update 1 is not finite"):
        update(hurt, poisoned, ALGORITHM, 1e-3, 1.0)
    assert same_weights(hurt.policy.model, straight.policy.model)
    assert hurt.updates == 0
    assert update(hurt, samples[1], ALGORITHM, 1e-3, 1.0) == update(straight, samples[1], ALGORITHM, 1e-3, 1.0)
    assert same_weights(hurt.policy.model, straight.policy.model)


def test_the_gap_is_counted_in_nats_per_token(learner, policy, samples):
    one = learner(microbatch_tokens=30)
    found = one.gap(samples[0], 1.0)
    distances = []
    for s in samples[0]:
        ids = torch.tensor([[*s.prompt_ids_T, *s.token_ids_T]])
        keep = torch.arange(ids.shape[1])[None] >= len(s.prompt_ids_T)
        own = slow_logprobs(policy, ids, keep, 1.0)[0].tolist()
        distances += [abs(a - b) for a, b in zip(own, s.logprobs_T, strict=True)]
    assert found.mean == pytest.approx(sum(distances) / len(distances), rel=1e-3)
    assert found.max == pytest.approx(max(distances), rel=1e-3)
    assert found.tokens == len(distances)


def test_updates_make_good_tokens_likelier_and_bad_ones_rarer(learner, samples):
    one = learner()
    good, bad = (
        replace(s, advantages_T=(a,) * len(s.token_ids_T)) for s, a in ((samples[0][1], 1.0), (samples[0][2], -1.0))
    )
    before = [surprise(one, s) for s in (good, bad)]
    for _ in range(3):
        update(one, [good, bad], replace(GRPO, kl=0.0, clip_low=1.0, clip_high=9.0), 1e-3, 1.0)
    after = [surprise(one, s) for s in (good, bad)]
    assert after[0] < before[0]
    assert after[1] > before[1]


def test_several_updates_of_a_rollout_have_ratios_to_the_policy_before_the_first(learner, samples):
    one = learner()
    before = flat(one.logprobs(samples[1], 1.0))
    totals = [Totals.of(part, LENGTH) for part in samples]
    first, second = one.learn(samples, totals, algorithms.get("dapo"), [1e-3, 0.0], 1.0)
    moved = [math.exp(new - old) for new, old in zip(flat(one.logprobs(samples[1], 1.0)), before, strict=True)]
    assert first["max/ratio"] == pytest.approx(1, abs=1e-4)
    assert second["max/ratio"] == pytest.approx(max(moved), rel=1e-4)
    assert max(moved) > 1.01
    sampled = [x for s in samples[1] for x in s.logprobs_T]
    assert second["gap"] == pytest.approx(sum(abs(a - b) for a, b in zip(before, sampled, strict=True)), rel=1e-3)


def flat(rows):
    return [value for row in rows for value in row]


def surprise(learner: Learner, sample: Sample) -> float:
    """Mean nats per token."""
    return learner.gap([replace(sample, logprobs_T=(0.0,) * len(sample.logprobs_T))], 1.0).mean


def test_a_parcel_holds_the_weights_of_the_folder(learner, samples, tmp_path):
    one = learner(dtype="bfloat16")
    update(one, samples[0], ALGORITHM, 1e-3, 1.0)
    one.keep(tmp_path / "kept")
    stored = load_file(tmp_path / "kept" / "model.safetensors")
    try:
        packed = opened(one.pack(1))
    finally:
        one.close()
    assert packed.keys() == stored.keys()
    assert all(torch.equal(packed[name], stored[name]) and packed[name].dtype == stored[name].dtype for name in stored)
    assert AutoTokenizer.from_pretrained(tmp_path / "kept").eos_token == tokenizer.END


def test_a_new_policy_is_made_once(learner, tmp_path):
    one = learner()
    one.make(tmp_path / "new", "tiny", TEXTS, PHRASE, LENGTH, 0)
    before = (tmp_path / "new" / "model.safetensors").stat().st_mtime_ns
    one.make(tmp_path / "new", "tiny", TEXTS, PHRASE, LENGTH, 0)  # another process was faster
    assert (tmp_path / "new" / "model.safetensors").stat().st_mtime_ns == before
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []
    assert one.load(tmp_path / "new") == 0


@pytest.mark.parametrize("size", ["llama-tiny", "qwen3-tiny"])
def test_dense_policies_learn_through_the_same_path(learner, own, tmp_path, size):
    policy_model.save(init.make(size, own, LENGTH, 0), torch.float32, tmp_path / size)
    own.save_pretrained(tmp_path / size)
    one = learner(tmp_path / size)
    torch.manual_seed(0)
    ids = tuple(torch.randint(1, len(own), (12,)).tolist())
    good = Sample(prompt_ids_T=ids[:4], token_ids_T=ids[4:], logprobs_T=(-5.0,) * 8, advantages_T=(1.0,) * 8)
    before = surprise(one, good)
    for _ in range(3):
        update(one, [good], replace(GRPO, kl=0.0), 1e-3, 1.0)
    assert surprise(one, good) < before
