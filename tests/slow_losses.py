"""The algorithms as their papers write them: token by token, in float64, sharing nothing with the real ones.

Each takes groups of answers and returns the loss; its gradient is then taken by autograd.
"""

from __future__ import annotations

import math

import torch

from tests.steps import MAX_TOKENS, Answer, Group, Token, answers_of


def mean(values):
    return sum(values) / len(values)


def centred(answer: Answer, group: Group) -> float:
    return answer.reward - mean([a.reward for a in group])


def standardised(answer: Answer, group: Group) -> float:
    spread = math.sqrt(mean([centred(a, group) ** 2 for a in group]))
    return centred(answer, group) / spread if spread else 0.0


def ratio(t: Token) -> torch.Tensor:
    return torch.exp(t.new - t.old)


def truncated(t: Token) -> float:
    return min(math.exp(t.old - t.sampler), 2.0)


def pessimistic(r: torch.Tensor, advantage: float, low: float, high: float) -> torch.Tensor:
    return torch.minimum(r * advantage, torch.clip(r, low, high) * advantage)


def k3(t: Token) -> torch.Tensor:
    return torch.exp(t.reference - t.new) - (t.reference - t.new) - 1


def grpo(groups: list[Group]) -> torch.Tensor:
    total = 0.0
    for group in groups:
        for answer in group:
            a = standardised(answer, group)
            total += mean(
                [truncated(t) * pessimistic(ratio(t), a, -9, 11) - 0.001 * k3(t) for t in answer.tokens]
            ) / len(answers_of(groups))
    return -total


def dr_grpo(groups: list[Group]) -> torch.Tensor:
    total = 0.0
    for group in groups:
        for answer in group:
            a = centred(answer, group)
            total += sum(truncated(t) * pessimistic(ratio(t), a, 0.8, 1.2) for t in answer.tokens) / MAX_TOKENS
    return -total / len(answers_of(groups))


def dapo(groups: list[Group]) -> torch.Tensor:
    total, count = 0.0, 0
    for group in groups:
        for answer in group:
            for t in answer.tokens:
                total += truncated(t) * pessimistic(ratio(t), standardised(answer, group), 0.8, 1.28)
                count += 1
    return -total / count


def gspo(groups: list[Group]) -> torch.Tensor:
    total = 0.0
    for group in groups:
        for answer in group:
            s = torch.exp(mean([t.new - t.old for t in answer.tokens]))
            kept = pessimistic(s, standardised(answer, group), 1 - 3e-4, 1 + 4e-4)
            # The paper has no correction. One weight per token, on GSPO's gradient spread over the tokens (sec. 4.3).
            value = kept.detach() * mean([truncated(t) for t in answer.tokens])
            slope = torch.autograd.grad(kept, s, retain_graph=True, materialize_grads=True)[0] * s.detach()
            straight = mean([truncated(t) * (t.new - t.new.detach()) for t in answer.tokens])
            total += value + slope * straight
    return -total / len(answers_of(groups))


def cispo(groups: list[Group]) -> torch.Tensor:
    total, count = 0.0, 0
    for group in groups:
        for answer in group:
            for t in answer.tokens:
                weight = min(math.exp(t.new.item() - t.old), 5.0)
                total += truncated(t) * weight * standardised(answer, group) * t.new
                count += 1
    return -total / count


def rloo(groups: list[Group]) -> torch.Tensor:
    total = 0.0
    for group in groups:
        for i, answer in enumerate(group):
            others = mean([other.reward for j, other in enumerate(group) if j != i])
            total += sum(truncated(t) * ratio(t) * (answer.reward - others) for t in answer.tokens) / MAX_TOKENS
    return -total / len(answers_of(groups))


def reinforce_pp(groups: list[Group]) -> torch.Tensor:
    spread = math.sqrt(mean([centred(answer, group) ** 2 for group in groups for answer in group]))
    total, count = 0.0, 0
    for group in groups:
        for answer in group:
            a = centred(answer, group) / spread if spread else 0.0
            for t in answer.tokens:
                k2 = 0.5 * (t.new - t.reference) ** 2
                total += truncated(t) * pessimistic(ratio(t), a, 0.8, 1.2) - 0.001 * k2
                count += 1
    return -total / count


def grpo_v32(groups: list[Group]) -> torch.Tensor:
    total = 0.0
    for group in groups:
        for answer in group:
            a = centred(answer, group)
            drift = mean([t.sampler - t.new.item() for t in answer.tokens])
            keep = 0.0 if a < 0 and drift > 0.5 else 1.0
            for t in answer.tokens:
                r = torch.exp(t.new - t.sampler)
                total += (keep * pessimistic(r, a, 0.8, 1.2) - 0.001 * r * k3(t)) / len(answer.tokens)
    return -total / len(answers_of(groups))


SLOW = {f.__name__: f for f in (grpo, dr_grpo, dapo, gspo, cispo, rloo, reinforce_pp, grpo_v32)}
