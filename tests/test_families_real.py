"""Other policies than the plain tiny one, in a real vLLM: a dense one, and a DeepSeek-V3 stored in FP8.
HF folder -> vLLM, HF folder -> learner -> vLLM, learner -> HF folder. And YaRN, the same in vLLM and in transformers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from r1rl import actors, cluster
from r1rl.engine.actor import Engine
from r1rl.engine.spec import EngineSpec, Sampling
from r1rl.policy import init
from r1rl.policy import model as policy_model
from r1rl.rollout import Rollouts
from r1rl.sync import Outbox
from tests.miniature import VOCABULARY, Words
from tests.parcels import digests_of
from tests.test_weights import in_fp8

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
POLICIES = ("llama-tiny", "tiny", "yarn")  # the second in FP8, the third another V3, whose positions are stretched
RIGHT, WRONG = 1e-5, 1e-3  # nats; float32


def stretched(original: int) -> dict[str, object]:
    """YaRN as DeepSeek-V3 has it, for policies trained on so many positions."""
    known = dict(init.config("671B", None, None, None).rope_parameters)
    return known | {"factor": 8.0, "original_max_position_embeddings": original}


class Sampler:
    """A policy here and an engine that was started from its folder, without any sync."""

    def __init__(self, size: str, root: Path) -> None:
        self.folder, self.size, self.version = root / "policy", size, 0
        made = init.make("tiny" if size == "yarn" else size, Words(), 64, 0)  # type: ignore[arg-type]
        if size == "yarn":
            made.config.rope_parameters = stretched(8)
        if size == "tiny":
            in_fp8(self.folder, made)
        else:
            policy_model.save(made, torch.float32, self.folder)
        config = json.loads((self.folder / "config.json").read_text())
        self.model = policy_model.load(self.folder, torch.float32, CPU)
        self.outbox = Outbox("shm", CPU, f"test-{size}-{os.getpid()}")
        spec = EngineSpec(
            worker=0,
            model=self.folder,
            architecture=config["model_type"],
            device="cpu",
            dtype="float32",
            max_length=64,
            max_sequences=32,
            memory_gib=0.25,
            threads=2,
            log=root / "engine.log",
            version=-1 if size == "tiny" else 0,
        )
        self.engine = actors.spawn(Engine, spec, name="rollout worker 0", gpus=0, env={})
        actors.wait_one(self.engine, self.engine.call("start"), 300, "starting vLLM")

    def parcel(self):
        self.version += 1
        outlines = policy_model.outlines(self.model, torch.float32)
        return self.outbox.pack(self.version, policy_model.exported(self.model, torch.float32), outlines)

    def send(self, parcel) -> None:
        import ray

        Rollouts([self.engine], 120).sync(ray.put(parcel))

    def gap(self) -> float:
        """Mean difference of log-probs between the engine's answers and a plain forward pass, in nats."""
        torch.manual_seed(1)
        prompts = [tuple(torch.randint(1, VOCABULARY, (20,)).tolist()) for _ in range(8)]
        sampling = Sampling(samples=2, temperature=0.8, max_tokens=24, stop_ids=(0,))
        call = self.engine.call("generate", prompts, sampling, 3)
        differences = []
        for prompt, group in zip(prompts, actors.wait_one(self.engine, call, 120, "sampling"), strict=True):
            for c in group:
                ids = torch.tensor([[*prompt, *c.token_ids_T]])
                with torch.no_grad():
                    logits = self.model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]
                own = torch.log_softmax(logits.float() / 0.8, -1).gather(1, ids[0, len(prompt) :, None])[:, 0]
                differences.append((own - torch.tensor(list(c.logprobs_T))).abs())
        return torch.cat(differences).mean().item()

    def perturb(self, part: str) -> None:
        torch.manual_seed(2)
        for name, tensor in self.model.state_dict().items():
            if part in name:
                tensor.add_(torch.randn_like(tensor) * max(0.3 if tensor.ndim == 1 else 0.05, float(tensor.std())))


@pytest.fixture(scope="module", params=POLICIES)
def sampler(ray_session, request, tmp_path_factory) -> Iterator[Sampler]:
    found = Sampler(request.param, tmp_path_factory.mktemp("family"))
    yield found
    cluster.stop([found.engine], "stop")
    found.outbox.close()


def test_vllm_loads_the_folder_as_it_is(sampler):
    if sampler.size == "tiny":
        sampler.send(sampler.parcel())  # what is stored in FP8 is trained and sampled in full precision
    assert sampler.gap() < RIGHT


@pytest.mark.parametrize(
    "part", ["q_", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "layernorm", "embed", "lm_head"]
)
def test_each_group_of_weights_arrives(sampler, part):
    if sampler.size != "llama-tiny" or not any(part in name for name in sampler.model.state_dict()):
        pytest.skip("seen with other policies, or there is none")
    sampler.perturb(part)
    stale = sampler.gap()
    sampler.send(sampler.parcel())
    assert stale > WRONG
    assert sampler.gap() < RIGHT


def test_positions_are_stretched_in_both(sampler):
    if sampler.size != "yarn":
        pytest.skip("no YaRN")
    rotary = sampler.model.model.rotary_emb
    kept = rotary.inv_freq.clone()
    try:
        rotary.inv_freq.copy_(1.0 / 10000.0 ** (torch.arange(0, len(kept)) / len(kept)))  # as without YaRN
        assert sampler.gap() > WRONG
    finally:
        rotary.inv_freq.copy_(kept)


def test_what_is_saved_is_what_was_sent(sampler, tmp_path):
    parcel = sampler.parcel()
    sampler.send(parcel)  # vLLM's own digests of what arrived are compared in it
    policy_model.save(sampler.model, torch.float32, tmp_path)
    stored = load_file(tmp_path / "model.safetensors")
    assert {slot.name: slot.digest for slot in parcel.slots} == digests_of(stored.items())
    again, report = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
    ours = sampler.model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in again.state_dict().items())


@pytest.mark.parametrize("size", ["tiny", "671B"])
def test_vllm_and_transformers_stretch_positions_alike(size):
    from transformers.models.deepseek_v3 import modeling_deepseek_v3 as v3
    from vllm.config import VllmConfig, set_current_vllm_config
    from vllm.model_executor.layers.rotary_embedding import get_rope

    config = init.config(size, 50, 64, 0)
    if size == "tiny":
        config.rope_parameters = stretched(8)
    ours = v3.DeepseekV3RotaryEmbedding(config)
    named = dict(config.rope_parameters) | {"rope_type": "deepseek_yarn"}  # as vLLM's deepseek_v2.py calls it
    with set_current_vllm_config(VllmConfig()):
        theirs = get_rope(64, max_position=64, rope_parameters=named, is_neox_style=False)
    places = torch.arange(64)
    cos, sin = ours(torch.zeros(1), places[None])
    table = torch.cat([cos[0, :, :32], sin[0, :, :32]], dim=-1)
    torch.testing.assert_close(theirs.cos_sin_cache[:64], table, rtol=0, atol=0)
    torch.manual_seed(0)
    query, key = torch.randn(64, 4, 64), torch.randn(64, 1, 64)
    a, b = theirs.forward_native(places, query.clone(), key.clone())
    x, y = v3.apply_rotary_pos_emb_interleave(query[None].transpose(1, 2), key[None].transpose(1, 2), cos, sin)
    found = torch.einsum("thd,sd->hts", a, b[:, 0])
    torch.testing.assert_close(found, torch.einsum("htd,sd->hts", x[0], y[0, 0]), rtol=1e-4, atol=1e-4)
