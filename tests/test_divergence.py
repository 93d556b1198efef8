"""Divergences against loops over the vocabulary, chunked or not."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from r1rl.policy import divergence
from r1rl.policy.divergence import Divergence, Side, divergences

K, H, V = 5, 4, 11
KINDS = ("forward_kl", "reverse_kl", "jsd")


def sides(seed, k=K):
    torch.manual_seed(seed)
    student = Side(hidden_KH=torch.randn(k, H, requires_grad=True), head_VH=torch.randn(V, H, requires_grad=True))
    teacher = Side(hidden_KH=torch.randn(k, 2 * H), head_VH=torch.randn(V, 2 * H))
    return student, teacher


def probabilities(side, temperature):
    return [
        [math.exp(x) for x in row]
        for row in torch.log_softmax(side.hidden_KH.double() @ side.head_VH.double().T / temperature, -1).tolist()
    ]


def slow(student, teacher, which, temperature):
    found = []
    for s, t in zip(probabilities(student, temperature), probabilities(teacher, temperature), strict=True):
        if which.top_k:
            order = sorted(range(V), key=lambda v: -t[v])
            top, rest = order[: which.top_k], order[which.top_k :]
            s, t = [[p[v] for v in top] + [sum(p[v] for v in rest)] for p in (s, t)]
        total = 0.0
        for a, b in zip(s, t, strict=True):
            m = which.weight * b + (1 - which.weight) * a
            total += {
                "forward_kl": b * math.log(b / a),
                "reverse_kl": a * math.log(a / b),
                "jsd": which.weight * b * math.log(b / m) + (1 - which.weight) * a * math.log(a / m),
            }[which.kind]
        found.append(total)
    return found


@given(st.integers(0, 999), st.sampled_from(KINDS), st.integers(0, V - 1), st.floats(0.1, 0.9), st.floats(0.5, 2.0))
@example(24, "forward_kl", 9, 0.5, 0.5)  # the rest is so small that 1 minus the top is negative
@settings(max_examples=40)
def test_the_fast_one_is_the_slow_one(seed, kind, top_k, weight, temperature):
    student, teacher = sides(seed)
    which = Divergence(kind=kind, top_k=top_k, weight=weight)
    found = divergences(student, teacher, which, temperature).tolist()
    assert found == pytest.approx(slow(student, teacher, which, temperature), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_chunks_change_neither_value_nor_gradient(kind, monkeypatch):
    student, teacher = sides(1)
    which = Divergence(kind=kind, top_k=3)

    def both():
        value = divergences(student, teacher, which, 1.0)
        return value.detach(), *torch.autograd.grad(value.sum(), (student.hidden_KH, student.head_VH))

    whole = both()
    monkeypatch.setattr(divergence, "CHUNK", 2)
    for a, b in zip(whole, both(), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_at_the_teacher_and_less_with_fewer_tokens(kind):
    student, teacher = sides(2)
    same = divergences(student, Side(hidden_KH=student.hidden_KH, head_VH=student.head_VH), Divergence(kind=kind), 1.0)
    assert same.abs().max() < 1e-6
    full, some = (divergences(student, teacher, Divergence(kind=kind, top_k=k), 1.0) for k in (0, 4))
    assert (some <= full + 1e-6).all()
    assert (some > 0).all()


def test_no_whole_logits_exist(monkeypatch):
    monkeypatch.setattr(divergence, "CHUNK", 2)
    seen = []
    plain = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda x, w: (seen.append(x.shape[0]), plain(x, w))[1])
    divergences(*sides(3), Divergence(kind="jsd"), 1.0).sum().backward()
    assert max(seen) == 2
