"""Multi-token prediction: the loss of the layer, and that it leaves the policy alone."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace

import pytest
import torch

from r1rl.errors import UserError
from r1rl.policy import mtp
from r1rl.policy.companion import Settings, companions
from tests.miniature import VOCABULARY, alone, gradients, new_model, new_samples, run, same
from tests.rowed import counted, length, packed, padded


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
