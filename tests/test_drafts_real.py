"""Answers drafted by multi-token prediction, in a real vLLM: the policy's own distribution, and fresh draft weights."""

from __future__ import annotations

import dataclasses

import pytest

from r1rl import actors, chat, cluster
from r1rl.engine.actor import Engine
from r1rl.rollout import Rollouts

pytestmark = pytest.mark.slow

MTP = {"speculative_config": {"method": "mtp", "num_speculative_tokens": 1}}
TEMPERATURE = 0.8


@pytest.fixture(scope="module")
def drafting(pair, tmp_path_factory):
    """A policy with a layer of multi-token prediction, in the pair's learner and in an engine that drafts with it."""
    root = tmp_path_factory.mktemp("drafts")
    texts = [f" {i}+{j}=? <think>{i}+{j}</think><answer>{i + j}</answer>" for i in range(10, 30) for j in range(10, 30)]
    making = pair.learner.call("make", root / "policy", "tiny-mtp", texts, chat.pieces("")[0], pair.spec.max_length, 0)
    actors.wait_one(pair.learner, making, 120, "make")
    pair.call("load", root / "policy")
    spec = dataclasses.replace(pair.spec, model=root / "policy", options=MTP, log=root / "engine.log")
    engine = actors.spawn(Engine, spec, name="drafting worker", gpus=pair.gpus, env={})
    actors.wait_one(engine, engine.call("start"), 300, "starting vLLM")
    yield engine
    cluster.stop([engine], "stop")
    pair.call("load", pair.folder)
    pair.sync()


def answers(pair, engine, seed):
    # Of these tokens, more than 1,000, a draft by random weights brings about one in a hundred (the vocabulary has some
    # 120), so that log-probs of two tokens at once are among those compared.
    return pair.sample(engine, TEMPERATURE, seed, n=4, tokens=48)


def test_drafted_answers_have_the_log_probs_of_the_policy(pair, drafting):
    Rollouts([drafting], 120).sync(pair.learner.call("pack", 1))
    found = answers(pair, drafting, seed=1)
    assert sum(len(s.token_ids_T) for s in found) > 1000
    assert pair.call("gap", found, TEMPERATURE).mean < (1e-5 if pair.spec.dtype == "float32" else 0.02)
    assert pair.call("gap", found, 1.0).mean > 0.02  # so the temperature was applied


def test_equal_seeds_draft_equal_answers(pair, drafting):
    assert answers(pair, drafting, seed=3) == answers(pair, drafting, seed=3)


def test_the_draft_model_gets_new_weights_too(pair, drafting):
    from r1rl.errors import SyncError

    Rollouts([drafting], 120).sync(pair.learner.call("pack", 2))
    with pytest.raises(SyncError, match=r"got no new value.*eh_proj"):
        Rollouts([drafting], 120).sync(pair.learner.call("pack_without", 3, "eh_proj"))
