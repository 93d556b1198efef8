"""Weights that are loaded in place arrive in a real vLLM: all of them, again and again."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from r1rl import actors, chat, cluster
from tests.asking import AskingEngine, Layers
from tests.test_sync_real import refuses, right

pytestmark = pytest.mark.slow

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")
GROUPS = (*ATTENTION, "gate_proj", "up_proj", "down_proj", "layernorm", "embed", "model.norm", "lm_head")


@pytest.fixture(scope="module")
def dense(pair, tmp_path_factory):
    """A dense policy in the pair's learner and in an engine that leaves weights as they are stored."""
    root = tmp_path_factory.mktemp("dense")
    texts = [f" {i}+{j}=? <think>{i}+{j}</think><answer>{i + j}</answer>" for i in range(10, 30) for j in range(10, 30)]
    making = pair.learner.call(
        "make", root / "policy", "qwen3-tiny", texts, chat.pieces("")[0], pair.spec.max_length, 0
    )
    actors.wait_one(pair.learner, making, 120, "make")
    options = {"worker_extension_cls": "bench.unpacked.Worker"}
    spec = dataclasses.replace(
        pair.spec, model=root / "policy", architecture="qwen3", options=options, log=root / "engine.log"
    )
    engine = actors.spawn(AskingEngine, spec, name="dense worker", gpus=pair.gpus, env={})
    actors.wait_one(engine, engine.call("start"), 300, "starting vLLM")
    pair.call("load", root / "policy")  # last: whoever shares the pair must not meet it after a failed start
    yield dataclasses.replace(pair, engine=engine, spec=spec, version=0)
    cluster.stop([engine], "stop")
    pair.call("load", pair.folder)
    pair.sync()


def test_each_group_of_weights_arrives_again_and_again(dense):
    dense.sync()
    assert actors.wait_one(dense.engine, dense.engine.call("in_place"), 60, "asking")
    assert dense.gap() < right(dense)
    for group in GROUPS:
        assert dense.call("perturb", group) > 0
        stale = dense.gap()
        dense.sync()
        arrived = dense.gap()
        dense.call("restore")
        assert stale > 100 * right(dense) if dense.spec.dtype == "float32" else stale > arrived, group
        assert arrived < right(dense), group
    dense.sync()
    assert dense.gap() < right(dense)


@pytest.mark.parametrize(
    ("pack", "culprit"),
    [
        (("pack_changed", "model.layers.2.mlp.up_proj.weight"), "changed.*layers.2.mlp.up_proj"),
        (("pack_without", "layers.1.self_attn.o_proj"), "got no new value.*layers.1.self_attn.o_proj"),
        (("pack_without", "model.norm"), "got no new value.*model.norm"),
    ],
)
def test_a_changed_or_missing_tensor_stops_the_run_and_is_named(dense, pack, culprit):
    refuses(dense, pack, culprit)


def test_a_layer_that_quantizes_or_derives_is_not_loaded_in_place(ray_session, tmp_path):
    layers = actors.spawn(Layers, SimpleNamespace(log=tmp_path / "log"), name="layers", gpus=0, env={})
    found = actors.wait_one(layers, layers.call("compute_as_stored"), 120, "judging")
    actors.kill(layers)
    assert found == {"bare": True, "plain": True, "quantized": False, "deriving": False}
