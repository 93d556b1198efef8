"""Compiled layers compute what the others do, and are compiled once."""

from __future__ import annotations

import copy
import random
import shutil

import pytest
import torch

from r1rl.batch import collate
from r1rl.policy import fusion, logprobs
from r1rl.types import Sample
from tests import policies

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler on a CPU"),
]


@pytest.fixture(autouse=True)
def several_chunks(monkeypatch):
    monkeypatch.setattr(logprobs, "CHUNK", 16)  # whole ones, which are compiled, and a rest, which is not


@pytest.fixture(scope="module")
def scorers():
    model = policies.make("llama")
    return fusion.fused(copy.deepcopy(model), "none"), fusion.fused(model, "compile")


def packed(seed):
    rng = random.Random(seed)
    lengths = [rng.randint(3, 40) for _ in range(rng.randint(2, 9))]
    samples = [
        Sample(
            prompt_ids_T=(1, 2),
            token_ids_T=tuple(rng.randrange(policies.VOCABULARY) for _ in range(n)),
            logprobs_T=(-1.0,) * n,
            advantages_T=(1.0,) * n,
        )
        for n in lengths
    ]
    return collate(samples, torch.device("cpu"))


def run(scorer, batch):
    scorer.zero_grad()
    logprobs, entropy = scorer(batch.ids_BT, batch.packing, batch.places_K, 0.7, True)
    (logprobs.sum() + 0.1 * entropy.sum()).backward()
    gradients = {name: p.grad.clone() for name, p in scorer.model.named_parameters()}
    return logprobs.detach(), entropy.detach(), gradients


def test_compiled_log_probs_entropies_and_gradients_are_those_of_the_plain_policy(scorers):
    for seed in range(2):
        plain, compiled = (run(scorer, packed(seed)) for scorer in scorers)
        torch.testing.assert_close(compiled[:2], plain[:2], atol=1e-5, rtol=1e-5)
        for name, gradient in plain[2].items():
            assert (compiled[2][name] - gradient).abs().max() < 2e-5 * gradient.abs().max(), name


def test_nothing_is_compiled_again_for_other_packings(scorers):
    from torch._dynamo.utils import counters

    for seed in range(2):
        run(scorers[1], packed(seed))
    graphs = counters["stats"]["unique_graphs"]
    assert graphs > 0
    for seed in range(2, 8):
        run(scorers[1], packed(seed))
    assert counters["stats"]["unique_graphs"] == graphs


def test_a_packing_is_nothing_that_a_compiler_looks_into():
    """torch 2.11 guards all fields of a frozen dataclass, read or not; 2.13 does not: the test above can't see it."""
    from torch._dynamo.utils import is_frozen_dataclass

    assert not is_frozen_dataclass(packed(0).packing)
