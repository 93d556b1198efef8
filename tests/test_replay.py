"""Replayed routes: tokens go to the experts where the sampler, or the first forward pass, sent them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from r1rl.errors import RunError, UserError
from r1rl.policy import routers
from r1rl.policy.companion import Settings, companions
from r1rl.policy.replay import tensor
from r1rl.policy.rows import starts
from r1rl.types import Routes, Sample
from tests.miniature import alone, as_routes, choices, gradients, new_model, new_samples, run, same
from tests.rowed import counted, packed, padded


def routed(model) -> list[Sample]:
    return [replace(s, routes=as_routes(model, s)) for s in new_samples()]


def followed(model, found, batch) -> list[torch.Tensor]:
    """The experts of each layer during a training forward; their weights must be those of the router's scores."""
    seen: list[tuple[torch.Tensor, ...]] = []
    hooks = [r.register_forward_hook(lambda m, a, out: seen.append(out)) for r in routers.replayed(model)]
    with found.training(batch), torch.no_grad():
        batch.hidden(model)
    for hook in hooks:
        hook.remove()
    for router, (logits, weights, experts) in zip(routers.replayed(model), seen, strict=True):
        scores = logits.sigmoid().gather(1, experts)
        torch.testing.assert_close(weights, 2.5 * scores / scores.sum(-1, keepdim=True))
        assert router.routed_scaling_factor == 2.5
    return [experts for _, _, experts in seen]


@pytest.mark.parametrize("rows", [padded, packed])
def test_r3_sends_tokens_where_the_sampler_sent_them(rows):
    model = new_model("tiny")
    samples = routed(model)
    batch = rows(samples, 2)
    seen = followed(model, companions(model, Settings(replay="r3"))[0], batch)
    place = batch.sequence_BT.reshape(-1)
    for index, sample in enumerate(samples):
        wanted = tensor(sample.routes)
        for layer, experts in enumerate(seen):
            assert torch.equal(experts[place == index][:-1], wanted[layer])


def test_weights_come_from_the_dense_scores_of_the_given_experts_and_carry_the_gradient():
    model = new_model("tiny")
    router = routers.replayed(model)[0]
    torch.manual_seed(3)
    hidden = torch.randn(5, 128)
    logits, weights, own = router(hidden)
    torch.testing.assert_close(routers.gates(router, logits, own), weights)
    given = torch.tensor([[7, 0]] * 5)
    scores = (hidden @ router.weight.T).sigmoid()[:, [7, 0]]
    found = routers.gates(router, logits, given)
    torch.testing.assert_close(found, 2.5 * scores / scores.sum(-1, keepdim=True))
    [grad] = torch.autograd.grad(found[:, 0].sum(), router.weight)
    assert grad[[0, 7]].abs().min() > 0
    assert grad[1:7].abs().max() == 0


def recorded(model, samples, rows=padded):
    found = companions(model, Settings(replay="r2"))
    batch = rows(samples)
    with found[0].observing(batch), torch.no_grad():
        batch.hidden(model)
    return found


@pytest.mark.parametrize("rows", [padded, packed])
def test_r2_repeats_the_choices_of_the_first_forward_after_the_weights_have_moved(rows):
    model, samples = new_model("tiny"), new_samples()
    before = choices(model, padded(samples))
    found = recorded(model, samples)
    with torch.no_grad():
        for router in routers.of(model).values():
            router.weight.normal_()
    assert not torch.equal(choices(model, padded(samples))["1"], before["1"])
    real = padded(samples).sequence_BT.reshape(-1)
    for part in (samples[2:], samples[:2]):  # other micro-batches, in another order
        batch = rows(part)
        seen = followed(model, found[0], batch)
        for index, sample in enumerate(part):
            for layer, experts in zip(("1", "2"), seen, strict=True):
                mine = experts[batch.sequence_BT.reshape(-1) == index]
                assert torch.equal(mine, before[layer][real == samples.index(sample)])


def test_how_many_routes_differ_is_told():
    model, samples = new_model("tiny"), new_samples()
    found = recorded(model, samples)
    run(model, found, padded(samples, 2), counted(samples))
    assert found[0].after_step(alone) == {"policy/replay/moved/frac": 0.0}
    assert found[0].after_step(alone) == {}
    model = new_model("tiny")
    samples = routed(model)
    found = companions(model, Settings(replay="r3"))
    batch = padded(samples)
    run(model, found, batch, counted(samples))
    differ = routes = 0
    real = batch.sequence_BT.reshape(-1)
    for layer, own in enumerate(own_choices(model, batch, found[0])):
        for index, sample in enumerate(samples):
            for theirs, mine in zip(tensor(sample.routes)[layer].tolist(), own[real == index].tolist(), strict=False):
                differ, routes = differ + (set(theirs) != set(mine)), routes + 1
    assert found[0].after_step(lambda x: x)["policy/replay/moved/frac"] == pytest.approx(differ / routes)


def own_choices(model, batch, replay) -> list[torch.Tensor]:
    """What each router would have chosen on the hidden states that replayed layers before it gave."""
    seen: list[torch.Tensor] = []
    plain = replay._count
    replay._count = lambda given, own: seen.append(own)
    with replay.training(batch), torch.no_grad():
        batch.hidden(model)
    replay._count = plain
    return seen


@pytest.mark.parametrize("checkpointed", [False, True])
def test_replaying_the_present_choice_changes_no_gradient(checkpointed):
    samples = new_samples()

    def grads(replay):
        model = new_model("tiny")
        if checkpointed:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        found = recorded(model, samples) if replay else companions(model, Settings())
        run(model, found, padded(samples), counted(samples))
        return gradients(model)

    same(grads(True), grads(False), rtol=1e-4, atol=1e-7)


def test_recomputed_activations_follow_the_same_routes():
    samples = routed(new_model("tiny"))

    def grads(checkpointed):
        model = new_model("tiny")
        if checkpointed:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        run(model, companions(model, Settings(replay="r3")), padded(samples), counted(samples))
        return gradients(model)

    same(grads(True), grads(False), rtol=1e-5, atol=1e-8)


def test_a_record_is_used_once():
    model, samples = new_model("tiny"), new_samples()
    found = recorded(model, samples)
    run(model, found, padded(samples[:2]), counted(samples))
    with pytest.raises(RunError, match="no route was recorded for a sample, or it was used before"):
        run(model, found, padded(samples[:1]), counted(samples))
    with pytest.raises(RunError, match="routes of 2 samples were recorded and never used"):
        found[0].observing(padded(samples)).__enter__()


def broken_routes(good: Routes) -> dict[str, Routes | None]:
    return {
        "returned no routes": None,
        "3 tokens": replace(good, data=good.data[: 3 * 4]),
        "1 layers": replace(good, layers=1),
        "one expert twice": replace(good, data=good.data[:-2] + bytes([0, 0])),
        "expected were 2 layers": replace(good, data=good.data[:-2] + bytes([1, 8])),
    }


@pytest.mark.parametrize("what", broken_routes(Routes(data=b"", layers=2, top_k=2, wide=False)))
def test_a_missing_or_impossible_route_stops_the_run(what):
    model = new_model("tiny")
    samples = routed(model)
    samples[2] = replace(samples[2], routes=broken_routes(samples[2].routes)[what])
    with pytest.raises(RunError, match=what):
        run(model, companions(model, Settings(replay="r3")), padded(samples), counted(samples))


def test_wide_expert_numbers():
    data = torch.tensor([[[300, 1]], [[5, 511]]]).to(torch.uint16).numpy().astype("<u2").tobytes()
    routes = Routes(data=data, layers=1, top_k=2, wide=True)
    assert routes.tokens == 2
    assert tensor(routes).tolist() == [[[300, 1], [5, 511]]]


def test_starts_of_packed_samples():
    sequence = torch.tensor([[0, 0, 1, 1, -1], [2, 3, 3, -1, -1]])
    assert starts(sequence).int().tolist() == [[1, 0, 1, 0, 0], [1, 1, 0, 0, 0]]


def test_what_vllm_reports_becomes_routes_of_the_layers_with_experts(tmp_path):
    from types import SimpleNamespace

    import numpy as np

    from r1rl.engine import compat

    (tmp_path / "config.json").write_text('{"first_k_dense_replace": 1}')
    spec = SimpleNamespace(model=tmp_path)
    reported = np.arange(5 * 3 * 2).reshape(5, 3, 2)  # 5 tokens, 3 layers of which the first is dense, top-2
    for kind, wide in ((np.uint8, False), (np.uint16, True)):
        c = SimpleNamespace(token_ids=[1, 2, 3], routed_experts=reported.astype(kind))
        routes = compat.routes(c, 3, spec)
        assert (routes.layers, routes.top_k, routes.wide, routes.tokens) == (2, 2, wide, 5)
        assert torch.equal(tensor(routes), torch.from_numpy(reported[:, 1:]).transpose(0, 1))
    assert compat.routes(SimpleNamespace(token_ids=[1]), 3, spec) is None


def test_what_a_cpus_vllm_cannot_do_is_refused_before_anything_starts():
    from types import SimpleNamespace

    from r1rl.engine import compat

    asking = {"enable_return_routed_experts": True}
    with pytest.raises(UserError, match="vLLM does not on a CPU"):
        compat.require_possible(SimpleNamespace(device="cpu", options=asking))
    compat.require_possible(SimpleNamespace(device="cuda", options=asking))
    compat.require_possible(SimpleNamespace(device="cpu", options={}))


def test_an_answer_longer_than_the_policy_can_count_is_refused_before_vllm_starts(tmp_path):
    from types import SimpleNamespace

    from r1rl.engine import compat

    (tmp_path / "config.json").write_text('{"max_position_embeddings": 64}')
    compat.require_positions(SimpleNamespace(model=tmp_path, max_length=64))
    with pytest.raises(UserError, match="64 positions"):
        compat.require_positions(SimpleNamespace(model=tmp_path, max_length=65))
