"""The loss against the formula of the paper, one token at a time in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.loss import k3_kl, policy_loss

relaxed = settings(deadline=None, max_examples=100)
NATS = st.floats(-20, 0)
NUMBERS = {"clip_low": 0.2, "clip_high": 0.3, "kl": 0.05}


def slow_loss(policy, sampler, advantages, reference, *, clip_low, clip_high, kl, step_tokens):
    """(loss, gradient, tokens clipped, KL): DeepSeekMath eq. 3 and 4, with derivatives taken by hand."""
    loss, gradient, clipped, divergence = 0.0, [], 0, 0.0
    for i, (new, old, a) in enumerate(zip(policy, sampler, advantages, strict=True)):
        ratio = math.exp(new - old)
        if (a > 0 and ratio > 1 + clip_high) or (a < 0 and ratio < 1 - clip_low):
            clipped += 1
            value, slope = (1 + clip_high if a > 0 else 1 - clip_low) * a, 0.0
        else:
            value, slope = ratio * a, ratio * a
        if reference is not None:
            r = math.exp(reference[i] - new)
            value -= kl * (r - math.log(r) - 1)
            slope -= kl * (1 - r)
            divergence += r - math.log(r) - 1
        loss -= value / step_tokens
        gradient.append(-slope / step_tokens)
    return loss, gradient, clipped, divergence


def tensor(values, **options):
    return torch.tensor(values, dtype=torch.float64, **options)


def close(a, b):
    return a == pytest.approx(b, rel=1e-9, abs=1e-12)


TOKEN = st.tuples(NATS, st.floats(-1.5, 1.5), st.floats(-3, 3), st.floats(-3, 3))  # policy, -sampler, advantage, -ref


@relaxed
@given(st.lists(TOKEN, min_size=1, max_size=12), st.booleans())
def test_loss_and_gradient_agree_with_the_slow_one(tokens, with_reference):
    policy = [t[0] for t in tokens]
    sampler = [t[0] - t[1] for t in tokens]
    advantages = [t[2] for t in tokens]
    reference = [t[0] - t[3] for t in tokens] if with_reference else None
    new = tensor(policy, requires_grad=True)
    terms = policy_loss(
        new,
        tensor(sampler),
        tensor(advantages),
        tensor(reference) if with_reference else None,
        step_tokens=17,
        **NUMBERS,
    )
    terms.loss.backward()
    loss, gradient, clipped, divergence = slow_loss(policy, sampler, advantages, reference, step_tokens=17, **NUMBERS)
    assert close(terms.loss.item(), loss)
    assert close(new.grad.tolist(), gradient)
    assert terms.clipped == clipped
    assert close(terms.kl_to_reference, divergence)


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"),
    [
        (1.31, 1.0, True),
        (1.29, 1.0, False),
        (0.5, 1.0, False),  # a good token that became rarer is still pushed up
        (0.79, -1.0, True),
        (0.81, -1.0, False),
        (2.0, -1.0, False),  # a bad token that became likelier is still pushed down
        (9.0, 0.0, False),
    ],
)
def test_the_clip_takes_the_gradient_on_one_side_only(ratio, advantage, clipped):
    new = tensor([math.log(ratio) - 1], requires_grad=True)
    terms = policy_loss(new, tensor([-1.0]), tensor([advantage]), None, step_tokens=1, **NUMBERS)
    terms.loss.backward()
    assert terms.clipped == clipped
    assert new.grad.item() == pytest.approx(0.0 if clipped else -ratio * advantage)


def test_micro_batches_add_up_to_the_whole():
    torch.manual_seed(0)
    columns = [torch.randn(30, dtype=torch.float64) for _ in range(4)]
    whole = policy_loss(*columns, step_tokens=30, **NUMBERS)
    parts = [
        policy_loss(*(c[start:end] for c in columns), step_tokens=30, **NUMBERS)
        for start, end in ((0, 1), (1, 12), (12, 30))
    ]
    assert close(sum(p.loss.item() for p in parts), whole.loss.item())
    assert sum(p.clipped for p in parts) == whole.clipped > 0
    assert close(sum(p.kl_to_reference for p in parts), whole.kl_to_reference)


def test_ratio_and_advantage_one_is_cross_entropy():
    torch.manual_seed(0)
    logits = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 3, 8, 8, 1, 5])
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets), logits)
    logprobs = logits.log_softmax(-1).gather(-1, targets[:, None]).squeeze(-1)
    ones = torch.ones(6, dtype=torch.float64)
    terms = policy_loss(
        logprobs, logprobs.detach(), ones, None, clip_low=1.0, clip_high=math.inf, kl=0.0, step_tokens=6
    )
    (got,) = torch.autograd.grad(terms.loss, logits)
    torch.testing.assert_close(got, expected)
    assert terms.clipped == 0


@relaxed
@given(NATS, NATS)
def test_k3_is_never_negative_and_zero_where_equal(new, reference):
    assert k3_kl(tensor([new]), tensor([reference])).item() >= -1e-12  # rounding
    assert k3_kl(tensor([new]), tensor([new])).item() == 0


def test_k3_is_an_unbiased_estimate_of_the_kl():
    torch.manual_seed(0)
    policy, reference = torch.randn(2, 5, dtype=torch.float64).log_softmax(-1)
    exact = (policy.exp() * (policy - reference)).sum()
    torch.testing.assert_close((policy.exp() * k3_kl(policy, reference)).sum(), exact)
