"""Experts that are used evenly: the moving bias and the loss, and gradients that no way of running a step changes."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.errors import RunError, UserError
from r1rl.policy import balance, routers
from r1rl.policy.companion import Settings, companions
from tests.miniature import alone, choices, gradients, new_model, new_samples, run, same
from tests.rowed import counted, length, packed, padded


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


def test_dense_policies_have_no_companions_and_nothing_to_replay():
    assert companions(new_model("llama-tiny"), Settings()) == []
    with pytest.raises(UserError, match="nothing to replay"):
        companions(new_model("llama-tiny"), Settings(replay="r2"))
