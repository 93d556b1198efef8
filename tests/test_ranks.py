"""The learner on several ranks: real processes, real collectives (gloo), real checkpoints.

With two GPUs: R1RL_TEST_DEVICE=cuda pytest tests/test_ranks.py (NCCL; ranks that hang or die are tried on CPUs only).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from r1rl import actors, algorithms, cluster
from r1rl.algorithm import Algorithm
from r1rl.errors import EngineError, RunError
from r1rl.learner import LearnerSpec
from r1rl.learners import Learners
from r1rl.loss import Totals, metrics
from tests import policies
from tests.parcels import opened
from tests.probing import ProbingLearner
from tests.test_invariance import TOLERANCE, distance

pytestmark = pytest.mark.slow

ALGORITHM = replace(algorithms.get("grpo"), kl=0.1, reference_every=0)
AGGREGATIONS = {"token": "dapo", "sequence": "gspo", "constant": "dr_grpo"}
SAMPLES = policies.some_samples(9)
DEADLINE_S = 60.0
DEVICE = os.environ.get("R1RL_TEST_DEVICE", "cpu")


@contextmanager
def learners(ranks: int, logs: Path, deadline_s: float = DEADLINE_S, **changes) -> Iterator[Learners]:
    started = []
    try:
        for rank in range(ranks):
            spec = LearnerSpec(
                run_id=f"ranks-{logs.name}",
                device=DEVICE,
                dtype="float32",
                transport="shm",
                threads=1,
                microbatch_tokens=90,
                betas=(0.9, 0.95),
                weight_decay=0.01,
                grad_clip=0.5,
                log=logs / f"learner-{rank}.log",
                rank=rank,
                ranks=ranks,
                deadline_s=deadline_s,
            )
            spec = replace(spec, **changes)
            env = {"OMP_NUM_THREADS": "1"}
            gpus = (0.4 if ranks == 1 else 0.6) if DEVICE == "cuda" else 0.0  # two ranks never fit on one
            started.append(actors.spawn(ProbingLearner, spec, name=f"learner rank {rank}", gpus=gpus, env=env))
        # Processes take long to start where others are busy: no rank's deadline may run before all are there.
        actors.wait(started, [rank.call("divide_locally", False) for rank in started], 4 * DEADLINE_S, "starting")
        together = Learners(started, deadline_s)
        together.join("127.0.0.1")
        yield together
    finally:
        cluster.stop(started, "close")


@pytest.fixture(scope="module")
def pair(ray_session, tmp_path_factory) -> Iterator[Learners]:
    """Two ranks, for all tests that leave them alive."""
    with learners(2, tmp_path_factory.mktemp("pair")) as together:
        yield together


@pytest.fixture(scope="module")
def one(ray_session, tmp_path_factory) -> Iterator[Learners]:
    with learners(1, tmp_path_factory.mktemp("one")) as together:
        yield together


@pytest.fixture(scope="module", params=["llama", "v3"])
def folder(request, tmp_path_factory) -> Path:
    return policies.write(request.param, tmp_path_factory.mktemp(request.param))


def update(learners: Learners, samples, algorithm: Algorithm = ALGORITHM) -> dict[str, float]:
    """Two updates; the metrics of the second."""
    totals = [Totals.of(samples[::2], policies.LENGTH), Totals.of(samples[1::2], policies.LENGTH)]
    sums = learners.learn([samples[::2], samples[1::2]], totals, algorithm, [1e-3, 1e-3], 0.9)()
    return metrics(sums[-1], totals[-1])


def same(learners: Learners, method: str) -> dict[str, torch.Tensor]:
    """What the first rank says, when all were asked."""
    return learners._same(method, method)[0]


def assert_close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], atol: float) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=atol, msg=name)


def test_two_ranks_compute_the_gradient_of_one(one, pair, folder):
    """Several micro-batches, more on one rank than on the other, old log-probs, a reference and clipping."""
    for together in (one, pair):
        together.load(folder)
    numbers = [update(together, SAMPLES) for together in (one, pair)]
    assert_close(same(pair, "last_gradients"), same(one, "last_gradients"), atol=1e-6)
    assert numbers[1] == pytest.approx(numbers[0], rel=1e-3, abs=1e-6)
    whole, parts = one._same("held", "counting")[0], pair._same("held", "counting")
    assert sum(parts) == pytest.approx(whole, rel=0.02)
    assert max(parts) < 0.55 * whole


@pytest.mark.parametrize("folder", ["llama"], indirect=True)
@pytest.mark.parametrize("changed", [{"fusion": "compile"}, {"checkpointing": True}])
def test_two_ranks_compute_the_same_gradient_another_way(one, folder, tmp_path, changed):
    one.load(folder)
    update(one, SAMPLES)
    with learners(2, tmp_path, deadline_s=180, **changed) as other:
        other.load(folder)
        update(other, SAMPLES)
        assert_close(same(other, "last_gradients"), same(one, "last_gradients"), atol=1e-6)


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_the_gradient_does_not_depend_on_ranks_and_a_local_normaliser_is_caught(one, pair, folder, aggregation):
    algorithm = replace(algorithms.get(AGGREGATIONS[aggregation]), kl=0.1)
    gradients = []
    for together, local in ((one, False), (pair, False), (pair, True)):
        together.load(folder)
        together._same("divide_locally", "being told", local)
        update(together, SAMPLES, algorithm)
        gradients.append(same(together, "last_gradients"))
        together._same("divide_locally", "being told", False)
    assert distance(gradients[1], gradients[0]) < TOLERANCE
    assert distance(gradients[2], gradients[0]) > 100 * TOLERANCE


def test_a_rank_without_samples_takes_part(one, pair, folder):
    for together in (one, pair):
        together.load(folder)
        update(together, SAMPLES[:2])  # each update has one sample
    assert_close(same(pair, "last_gradients"), same(one, "last_gradients"), atol=1e-6)


def test_log_probs_come_back_in_order(one, pair, folder):
    found = []
    for together in (one, pair):
        together.load(folder)
        found.append(together.logprobs(SAMPLES, 0.7))
    for a, b, sample in zip(*found, SAMPLES, strict=True):
        assert len(a) == len(sample.token_ids_T)
        assert b == pytest.approx(a, abs=1e-5)


def test_the_samplers_get_whole_weights(one, pair, folder):
    parcels = []
    for together in (one, pair):
        together.load(folder)
        parcels.append(opened(together.pack(1)))
    assert parcels[0].keys() == parcels[1].keys()
    assert all(torch.equal(parcels[0][name], parcels[1][name]) for name in parcels[0])


@pytest.mark.parametrize(("writer", "reader"), [("pair", "one"), ("one", "pair"), ("pair", "pair")])
def test_a_checkpoint_goes_on_with_any_number_of_ranks(one, pair, folder, tmp_path, writer, reader):
    which: dict[str, Learners] = {"one": one, "pair": pair}
    first, second = which[writer], which[reader]
    first.load(folder)
    update(first, SAMPLES)
    first.save(tmp_path)
    before = same(first, "weights")
    straight = update(first, SAMPLES), same(first, "weights")

    assert second.load(tmp_path) == 2
    loaded = same(second, "weights")
    assert loaded.keys() == before.keys()
    assert all(torch.equal(loaded[name], before[name]) for name in before)
    resumed = update(second, SAMPLES), same(second, "weights")
    if writer == reader:
        assert resumed[0] == straight[0]
        assert all(torch.equal(resumed[1][name], straight[1][name]) for name in straight[1])
    else:
        assert resumed[0] == pytest.approx(straight[0], rel=1e-3, abs=1e-5)


def test_every_rank_sees_a_gradient_that_is_not_finite(pair, folder):
    pair.load(folder)
    before = same(pair, "weights")
    broken = replace(SAMPLES[0], advantages_T=(float("nan"),) * len(SAMPLES[0].token_ids_T))
    with pytest.raises(RunError, match="not finite"):
        update(pair, [broken, *SAMPLES[1:]])
    after = same(pair, "weights")
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.skipif(DEVICE != "cpu", reason="the other ranks of this file have the GPUs")
@pytest.mark.parametrize(
    ("what", "says"), [("hang", "learner rank 1 did not finish learning within 20 s"), ("die", "learner rank 1 died")]
)
def test_the_rank_that_is_to_blame_is_named(ray_session, tmp_path, what, says):
    folder = policies.write("llama", tmp_path / "policy")
    with learners(2, tmp_path, deadline_s=20.0) as together:
        together.load(folder)
        together.ranks[1].call(what)
        with pytest.raises(EngineError, match=says):
            update(together, SAMPLES)
