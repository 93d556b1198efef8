"""What DeepSeek-V3 adds to training: balanced experts, replayed routes, multi-token prediction."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.errors import RunError, UserError
from r1rl.policy import balance, mtp, routers
from r1rl.policy.companion import Companion, Settings, companions
from r1rl.policy.replay import tensor
from r1rl.policy.rows import starts
from r1rl.types import Routes, Sample
from tests.rowed import counted, length, packed, padded

VOCABULARY = 50


class Words:
    """All that making a policy asks of a tokenizer."""

    eos_token_id = 0

    def __len__(self) -> int:
        return VOCABULARY


def new_model(size: str = "tiny-mtp", seed: int = 0):
    from r1rl.policy import init

    model = init.make(size, Words(), 48, seed).train()  # type: ignore[arg-type]
    torch.manual_seed(seed)
    for router in routers.of(model).values():
        router.e_score_correction_bias.normal_(std=0.02)
    return model


def new_samples(seed: int = 1) -> list[Sample]:
    torch.manual_seed(seed)
    found = []
    for prompt, answer in ((3, 6), (4, 2), (1, 9), (5, 1)):
        ids = torch.randint(1, VOCABULARY, (prompt + answer,)).tolist()
        found.append(
            Sample(
                prompt_ids_T=tuple(ids[:prompt]),
                token_ids_T=tuple(ids[prompt:]),
                logprobs_T=(-1.0,) * answer,
                advantages_T=(1.0,) * answer,
            )
        )
    return found


def run(model, found: list[Companion], batch, totals):
    """Loss and gradients of one micro-batch, as a learner runs it."""
    with ExitStack() as stack:
        for c in found:
            stack.enter_context(c.training(batch))
        loss = batch.nll(model) / totals.tokens
        for extra in [c.loss(totals) for c in found]:
            loss = loss if extra is None else loss + extra
        loss.backward()
    return loss.item()


def gradients(model) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def same(a: dict, b: dict, **tolerance) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], msg=lambda text, name=name: f"{name}: {text}", **tolerance)


def alone(x: torch.Tensor) -> torch.Tensor:
    return x


def choices(model, batch) -> dict[str, torch.Tensor]:
    """The experts of each layer in a plain forward pass."""
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        router.register_forward_hook(lambda m, a, out, layer=layer: seen.__setitem__(layer, out[2]))
        for layer, router in routers.of(model).items()
    ]
    with torch.no_grad():
        batch.hidden(model)
    for hook in hooks:
        hook.remove()
    return seen


# --- balance ---------------------------------------------------------------------------------------------------------


@settings(max_examples=50)
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8), st.floats(1e-4, 0.1))
def test_the_bias_moves_towards_the_mean_load(load, speed):
    bias = torch.zeros(len(load))
    balance.move(bias, torch.tensor(load, dtype=torch.float64), speed)
    mean = sum(load) / len(load)
    for b, x in zip(bias.tolist(), load, strict=True):
        assert b == pytest.approx(speed * ((mean > x) - (mean < x)), rel=1e-6)


def test_the_load_is_the_whole_steps_and_padding_has_no_part():
    samples, model = new_samples(), new_model("tiny")
    [c] = companions(model, Settings(balance_speed=0.01))
    before = {layer: r.e_score_correction_bias.clone() for layer, r in routers.of(model).items()}
    routes = choices(model, padded(samples))
    real = padded(samples).sequence_BT.reshape(-1) >= 0
    for part in (samples[:1], samples[1:]):
        run(model, [c], padded(part, extra=3), counted(samples))
    metrics = c.after_step(lambda load: 2 * load)  # a second rank with the same samples
    for layer, router in routers.of(model).items():
        load = torch.bincount(routes[layer][real].reshape(-1), minlength=8).double()
        assert int(load.sum()) == 2 * sum(map(length, samples))
        expected = before[layer] + 0.01 * torch.sign(load.mean() - load).float()
        torch.testing.assert_close(router.e_score_correction_bias, expected)
        cv = (load.std(correction=0) / load.mean()).item()
        assert metrics[f"policy/load_cv/layer_{layer}"] == pytest.approx(cv)
    assert metrics["policy/load_cv/mean"] > 0
    assert c.after_step(alone) == {}, "the next step starts from nothing"


def test_a_frozen_bias_stays_and_the_load_is_told_all_the_same():
    samples, model = new_samples(), new_model("tiny")
    before = {n: b.clone() for n, b in model.named_buffers()}
    [c] = companions(model, Settings())
    run(model, [c], padded(samples), counted(samples))
    assert c.after_step(alone)["policy/load_cv/mean"] > 0
    assert all(torch.equal(b, before[n]) for n, b in model.named_buffers())


def test_every_rank_sums_every_layer_with_or_without_samples():
    model, sums = new_model(), []
    c = companions(model, Settings())[-1]
    assert c.after_step(lambda load: sums.append(load) or load) == {}
    assert [load.tolist() for load in sums] == [[0] * 8] * 3


def test_balancing_balances():
    samples, model = [s for seed in range(4) for s in new_samples(seed)], new_model("tiny")
    [c] = companions(model, Settings(balance_speed=0.02))
    cvs = []
    for _ in range(25):
        with c.training(padded(samples)), torch.no_grad():
            padded(samples).hidden(model)
        cvs.append(c.after_step(alone)["policy/load_cv/mean"])
    assert min(cvs[-5:]) < 0.5 * cvs[0]


def slow_unevenness(logits, experts, sequence) -> float:
    """Eq. 17 to 20, one sequence and one expert after the other."""
    total = 0.0
    for s in range(int(sequence.max()) + 1):
        rows = [t for t in range(len(sequence)) if sequence[t] == s]
        for i in range(logits.shape[1]):
            f = sum(i in experts[t].tolist() for t in rows) * logits.shape[1] / (experts.shape[1] * len(rows))
            p = sum((logits[t].sigmoid()[i] / logits[t].sigmoid().sum()).item() for t in rows) / len(rows)
            total += f * p
    return total


def test_the_sequence_wise_loss_is_the_formula():
    torch.manual_seed(0)
    logits, experts = torch.randn(12, 6), torch.stack([torch.randperm(6)[:2] for _ in range(12)])
    sequence = torch.tensor([0, 0, 0, 1, 1, 1, 1, 1, 2, 2, -1, -1])
    found = balance.unevenness(logits, experts, sequence).item()
    assert found == pytest.approx(slow_unevenness(logits, experts, sequence), rel=1e-5)


def test_the_loss_is_alpha_times_its_mean_over_the_steps_sequences_summed_over_layers():
    samples, model = new_samples(), new_model("tiny")
    [c] = companions(model, Settings(balance_loss=0.5))
    batch, logits = packed(samples, 1), {}
    hooks = [
        router.register_forward_hook(lambda m, a, out, layer=layer: logits.__setitem__(layer, out[0].detach()))
        for layer, router in routers.of(model).items()
    ]
    routes = choices(model, batch)
    with c.training(batch):
        batch.hidden(model)
        found = c.loss(counted(samples)).item()
    for hook in hooks:
        hook.remove()
    sequence = batch.sequence_BT.reshape(-1)
    total = sum(slow_unevenness(logits[layer], experts, sequence) for layer, experts in routes.items())
    assert found == pytest.approx(0.5 * total / len(samples), rel=1e-4)


def test_even_use_costs_1_a_sequence():
    experts = torch.tensor([[0, 1], [2, 3]])
    assert balance.unevenness(torch.zeros(2, 4), experts, torch.zeros(2).long()).item() == pytest.approx(1.0)


# --- anything that adds a loss: micro-batches, packing, recomputation ------------------------------------------------


LOSSES = {
    "balance": Settings(balance_loss=0.5),
    "mtp": Settings(mtp_loss=0.3),
    "mtp joint": Settings(mtp_loss=0.3, mtp_joint=True),
    "all": Settings(mtp_loss=0.3, mtp_joint=True, balance_loss=0.5, balance_speed=0.01),
}


@pytest.mark.parametrize("setting", LOSSES)
def test_no_way_to_run_a_step_changes_its_gradient(setting):
    samples = new_samples()

    def step(batches, checkpointed=False):
        model = new_model()
        if checkpointed:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        found = companions(model, LOSSES[setting])
        loss = sum(run(model, found, batch, counted(samples)) for batch in batches)
        return loss, gradients(model), [c.after_step(alone) for c in found]

    whole = step([padded(samples)])
    others = {
        "micro-batches": step([padded(samples[:1]), padded(samples[1:])]),
        "one by one": step([padded([s]) for s in samples]),
        "more padding": step([padded(samples, extra=7)]),
        "packed": step([packed(samples, extra=2)]),
        "another order": step([padded(samples[::-1])]),
        "recomputed": step([padded(samples)], checkpointed=True),
        "packed and recomputed": step([packed(samples)], checkpointed=True),
    }
    for loss, grads, metrics in others.values():
        assert loss == pytest.approx(whole[0], rel=1e-5)
        same(grads, whole[1], rtol=1e-3, atol=1e-6)
        assert metrics == [pytest.approx(m, rel=1e-5) for m in whole[2]]


def test_re_entrant_checkpointing_is_refused_where_it_would_lose_the_gradient():
    samples, model = new_samples(), new_model("tiny")
    model.gradient_checkpointing_enable({"use_reentrant": True})
    model.enable_input_require_grads()
    with pytest.raises(RunError, match="balance_loss gets no gradient"):
        run(model, companions(model, Settings(balance_loss=0.1)), padded(samples), counted(samples))


# --- multi-token prediction ------------------------------------------------------------------------------------------


def slow_mtp(model, sample) -> torch.Tensor:
    """Sum over one sample of -log p(t_{i+2} | h_i, t_{i+1}), the parts of the layer called one by one."""
    ids = torch.tensor([[*sample.prompt_ids_T, *sample.token_ids_T]])
    hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    total = torch.zeros(())
    layer = model.mtp
    embedded = model.base_model.embed_tokens(ids)[:, 1:]
    embedded = torch.cat([torch.zeros_like(embedded[:, :1]), embedded[:, 1:]], dim=1)
    x = layer.eh_proj(torch.cat([layer.enorm(embedded), layer.hnorm(hidden[:, :-1])], dim=-1))
    rope = model.base_model.rotary_emb(x, torch.arange(x.shape[1])[None])
    h = layer.norm(layer.block(x, attention_mask=None, position_embeddings=rope))
    for i in range(ids.shape[1] - 2):
        if i + 2 >= len(sample.prompt_ids_T):
            total = total - torch.log_softmax(model.lm_head(h[0, i]), -1)[ids[0, i + 2]]
    return total


def test_the_loss_of_multi_token_prediction_is_the_slow_one():
    samples, model = new_samples(), new_model()
    slow = sum(slow_mtp(model, s) for s in samples)
    (0.3 * slow / counted(samples).tokens).backward()
    expected = gradients(model)
    found = companions(model, Settings(mtp_loss=0.3, mtp_joint=True))
    batch = packed(samples)
    with ExitStack() as stack:
        for c in found:
            stack.enter_context(c.training(batch))
        batch.hidden(model)
        loss = found[0].loss(counted(samples))
        loss.backward()
    assert loss.item() == pytest.approx(0.3 * slow.item() / counted(samples).tokens, rel=1e-5)
    same(gradients(model), expected, rtol=1e-3, atol=1e-6)
    tokens = sum(min(len(s.token_ids_T), length(s) - 2) for s in samples)
    assert found[0].after_step(alone)["policy/mtp/nll/mean"] == pytest.approx(slow.item() / tokens, rel=1e-5)


def test_alone_the_loss_leaves_the_policys_gradient_as_it_is():
    samples = new_samples()

    def grads(setting):
        model = new_model()
        run(model, companions(model, setting), padded(samples), counted(samples))
        return gradients(model)

    plain, with_loss = grads(Settings()), grads(Settings(mtp_loss=0.3))
    assert all(not name.startswith("mtp.") for name in plain)
    same({n: g for n, g in with_loss.items() if not n.startswith("mtp.")}, plain, rtol=0, atol=0)
    assert any(name.startswith("mtp.block.mlp.gate") for name in with_loss)


def test_without_samples_or_targets_the_layer_gets_a_gradient_of_zero():
    """Ranks reduce gradients together: one that has none for a parameter would leave the others waiting."""
    for idle in (True, False):
        samples, model = new_samples()[:1], new_model()
        found = companions(model, Settings(mtp_loss=0.3))
        if idle:
            padded(samples).nll(model).backward()
        else:
            short = replace(samples[0], prompt_ids_T=(1,), token_ids_T=(2,), logprobs_T=(0.0,), advantages_T=(1.0,))
            run(model, found, padded([short]), counted(samples))
        for name, parameter in model.mtp.named_parameters():
            assert parameter.grad is not None, name
            assert not parameter.grad.any(), name


def test_the_layer_learns():
    samples, model = new_samples(), new_model()
    found = companions(model, Settings(mtp_loss=1.0))
    optimizer = torch.optim.Adam(model.mtp.parameters(), lr=3e-3)
    nll = []
    for _ in range(30):
        run(model, found, padded(samples), counted(samples))
        optimizer.step()
        model.zero_grad(set_to_none=True)
        nll.append(found[0].after_step(alone)["policy/mtp/nll/mean"])
    assert nll[-1] < 0.5 * nll[0]
    assert nll[0] == pytest.approx(math.log(VOCABULARY), rel=0.3)


def test_a_policy_without_the_layer_refuses_its_loss():
    with pytest.raises(UserError, match="no layer of multi-token prediction"):
        companions(new_model("tiny"), Settings(mtp_loss=0.3))
    model = new_model("tiny")
    model.config.num_nextn_predict_layers = 2
    with pytest.raises(UserError, match="num_nextn_predict_layers = 2"):
        mtp.attach(model)


# --- replay ----------------------------------------------------------------------------------------------------------


def as_routes(model, sample) -> Routes:
    """Routes of all but the last token, as a sampler reports them, drawn at random."""
    layers = len(routers.replayed(model))
    torch.manual_seed(length(sample))
    drawn = torch.stack([torch.randperm(8)[:2] for _ in range((length(sample) - 1) * layers)])
    return Routes(data=bytes(drawn.reshape(-1).tolist()), layers=layers, top_k=2, wide=False)


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


def test_dense_policies_have_no_companions_and_nothing_to_replay():
    assert companions(new_model("llama-tiny"), Settings()) == []
    with pytest.raises(UserError, match="nothing to replay"):
        companions(new_model("llama-tiny"), Settings(replay="r2"))


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
