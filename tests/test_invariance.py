"""The loss is invariant: how a step's samples are cut up, ordered, packed or spread cannot change its gradient.

Everything here compares whole gradients of a real learner in float32: the largest difference of any of their entries,
relative to the largest entry, must stay below TOLERANCE. Rounding measures 2e-5 at most; a normaliser that is local to
a micro-batch, the mistake this suite exists for, measures 2 and more, and is shown to be caught.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from r1rl import algorithms
from r1rl.algorithm import SFT, Algorithm
from r1rl.learner import LearnerSpec, actor
from r1rl.loss import Totals, loss
from r1rl.policy import scorer
from tests import policies
from tests.probing import ProbingLearner

TOLERANCE = 1e-4
SAMPLES = policies.some_samples(12)
CUT = len(SAMPLES) // 2  # two updates: the second has old log-probs that are not the policy's own
KL = 0.05  # in every algorithm, so that the reference takes part
ALGORITHMS = {
    "token": replace(algorithms.get("dapo"), kl=KL),
    "sequence": replace(algorithms.get("gspo"), kl=KL),
    "constant": replace(algorithms.get("dr_grpo"), kl=KL),
    "cispo": algorithms.get("cispo"),
    "entropy": replace(algorithms.get("grpo"), entropy=0.01),
    "sft": SFT,
}

Gradients = dict[str, torch.Tensor]
Learn = Callable[..., Gradients]


@pytest.fixture(scope="module", params=["llama", "v3"])
def folder(request, tmp_path_factory) -> Path:
    return policies.write(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(params=ALGORITHMS)
def algorithm(request) -> Algorithm:
    return ALGORITHMS[request.param]


@pytest.fixture
def learn(folder, algorithm, tmp_path, monkeypatch) -> Learn:
    """The gradient of the second of two updates, by a learner that was told `changes`."""
    monkeypatch.setattr(actor, "redirect_output", lambda log: None)

    def run(samples=SAMPLES, **changes) -> Gradients:
        spec = LearnerSpec(
            run_id="invariance",
            device="cpu",
            dtype="float32",
            transport="shm",
            threads=torch.get_num_threads(),
            microbatch_tokens=10_000,  # all at once
            betas=(0.9, 0.95),
            weight_decay=0.0,
            grad_clip=1e9,
            log=tmp_path / "learner.log",
        )
        learner = ProbingLearner(replace(spec, **changes))
        learner.load(folder)
        halves = [samples[:CUT], samples[CUT:]]
        totals = [Totals.of(half, policies.LENGTH) for half in halves]
        learner.learn(halves, totals, algorithm, [1e-4, 1e-4], 0.9)
        return learner.last_gradients()

    return run


def distance(found: Gradients, expected: Gradients) -> float:
    """Largest difference of any entry, relative to the largest entry."""
    assert found.keys() == expected.keys()
    largest = max(float(g.abs().max()) for g in expected.values())
    return max(float((found[name] - g).abs().max()) for name, g in expected.items()) / largest


@pytest.mark.parametrize("budget", [1, 45, 90], ids="{} tokens".format)
def test_micro_batches_and_accumulation(learn, budget):
    assert distance(learn(microbatch_tokens=budget), learn()) < TOLERANCE


def test_order_of_the_samples(learn):
    halves = [list(SAMPLES[:CUT]), list(SAMPLES[CUT:])]
    for seed, half in enumerate(halves):
        random.Random(seed).shuffle(half)
    assert distance(learn(halves[0] + halves[1], microbatch_tokens=90), learn(microbatch_tokens=90)) < TOLERANCE


def test_packing_against_padding(learn, monkeypatch):
    monkeypatch.setattr(actor, "companions", lambda model, settings: [])  # they count tokens as they lie in the batch
    packed = learn()
    monkeypatch.setattr(scorer.Scorer, "forward", padded)
    assert distance(packed, learn()) < TOLERANCE


def test_activation_checkpointing(learn):
    assert distance(learn(checkpointing=True, microbatch_tokens=90), learn()) < TOLERANCE


def test_chunked_against_full_logits(learn, monkeypatch):
    monkeypatch.setattr("r1rl.policy.logprobs.CHUNK", 5)
    chunked = learn()
    monkeypatch.setattr(scorer, "head_logprobs", full_logprobs)
    assert distance(chunked, learn()) < TOLERANCE


def test_a_normaliser_that_is_local_to_micro_batches_is_caught(learn, monkeypatch):
    """The suite's own comparison, with the one mistake it is there for."""
    monkeypatch.setattr(actor, "loss", local_loss)
    assert distance(learn(microbatch_tokens=45), learn()) > 100 * TOLERANCE


def local_loss(tokens, totals, algorithm):
    """Divides by what is in the micro-batch, as if it were the whole step."""
    sequences = int(tokens.sequence_K.max()) + 1
    return loss(tokens, replace(totals, tokens=len(tokens.logprobs_K), sequences=sequences), algorithm)


def padded(self, ids_1T, packing, places_K, temperature, entropy_gradient=False):
    """One row for each sequence, filled up on the right, where causal attention never looks."""
    lengths = packing.ends_S1.diff().tolist()
    rows = torch.nn.utils.rnn.pad_sequence(ids_1T[0].split(lengths), batch_first=True)
    hidden = self.model.base_model(input_ids=rows, use_cache=False).last_hidden_state
    row = torch.cat([h[:n] for h, n in zip(hidden, lengths, strict=True)])
    head = self.model.get_output_embeddings().weight
    return full_logprobs(row[places_K - 1], head, ids_1T[0, places_K], temperature, entropy_gradient)


def full_logprobs(hidden_KH, weight_VH, targets_K, temperature, entropy_gradient=False, math=None):
    logprobs_KV = (hidden_KH @ weight_VH.T / temperature).log_softmax(-1)
    entropy_K = -(logprobs_KV.exp() * logprobs_KV).sum(-1)
    if not entropy_gradient:
        entropy_K = entropy_K.detach()
    return logprobs_KV.gather(-1, targets_K[:, None]).squeeze(-1), entropy_K
