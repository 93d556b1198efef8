"""The loss against the formula of the paper, one token at a time in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl import advantage
from r1rl.algorithm import SFT, Algorithm
from r1rl.correction import NONE
from r1rl.loss import Tokens, Totals, loss

relaxed = settings(deadline=None, max_examples=100)
NATS = st.floats(-20, 0)
NUMBERS = {"clip_low": 0.2, "clip_high": 0.3, "kl": 0.05}
PLAIN = Algorithm(
    name="plain", advantage=advantage.ones, ratio_to="sampler", correction=NONE, aggregation="token", **NUMBERS
)


def terms_of(policy, sampler, advantages, reference, *, step_tokens, algorithm=PLAIN):
    """The loss of one sequence, in a step of `step_tokens` tokens."""
    tokens = Tokens(
        logprobs_K=policy,
        entropy_K=torch.zeros_like(policy),
        sampler_logprobs_K=sampler,
        old_logprobs_K=policy.detach(),
        reference_logprobs_K=reference,
        advantages_K=advantages,
        sequence_K=torch.zeros(len(policy), dtype=torch.int64),
    )
    return loss(tokens, Totals(tokens=step_tokens, sequences=1, max_tokens=step_tokens), algorithm)


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
    terms = terms_of(
        new,
        tensor(sampler),
        tensor(advantages),
        tensor(reference) if with_reference else None,
        step_tokens=17,
    )
    terms.loss.backward()
    loss, gradient, clipped, divergence = slow_loss(policy, sampler, advantages, reference, step_tokens=17, **NUMBERS)
    assert close(terms.loss.item(), loss)
    assert close(new.grad.tolist(), gradient)
    assert terms.sums["clipped"] == clipped
    assert close(terms.sums["kl_to_reference"].item() if with_reference else 0.0, divergence)


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
    terms = terms_of(new, tensor([-1.0]), tensor([advantage]), None, step_tokens=1)
    terms.loss.backward()
    assert terms.sums["clipped"] == clipped
    assert new.grad.item() == pytest.approx(0.0 if clipped else -ratio * advantage)


def test_micro_batches_add_up_to_the_whole():
    torch.manual_seed(0)
    columns = [torch.randn(30, dtype=torch.float64) for _ in range(4)]
    whole = terms_of(*columns, step_tokens=30)
    parts = [terms_of(*(c[start:end] for c in columns), step_tokens=30) for start, end in ((0, 1), (1, 12), (12, 30))]
    assert close(sum(p.loss.item() for p in parts), whole.loss.item())
    assert sum(p.sums["clipped"] for p in parts) == whole.sums["clipped"] > 0
    assert close(sum(p.sums["kl_to_reference"].item() for p in parts), whole.sums["kl_to_reference"].item())


def test_ratio_and_advantage_one_is_cross_entropy():
    torch.manual_seed(0)
    logits = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 3, 8, 8, 1, 5])
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets), logits)
    logprobs = logits.log_softmax(-1).gather(-1, targets[:, None]).squeeze(-1)
    ones = torch.ones(6, dtype=torch.float64)
    terms = terms_of(logprobs, logprobs.detach(), ones, None, step_tokens=6, algorithm=SFT)
    (got,) = torch.autograd.grad(terms.loss, logits)
    torch.testing.assert_close(got, expected)
    assert terms.sums["clipped"] == 0
