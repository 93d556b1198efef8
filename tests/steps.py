"""A step of answers for tests of algorithms: made at random, and fed to the real loss or to a slow one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st

from r1rl.algorithm import Algorithm
from r1rl.loss import Terms, Tokens, Totals, loss

MAX_TOKENS = 20  # of one answer, as a recipe would allow


@dataclass(frozen=True)
class Token:
    """Log-probs of one token: of the policy (a scalar with gradient) and of three others."""

    new: torch.Tensor
    old: float
    sampler: float
    reference: float


@dataclass(frozen=True)
class Answer:
    reward: float
    tokens: tuple[Token, ...]


Group = tuple[Answer, ...]


def token(new: float, old: float | None = None, sampler: float | None = None, reference: float | None = None) -> Token:
    """What is not given is equal: old to new, sampler to old, reference to new."""
    old = new if old is None else old
    return Token(
        new=torch.tensor(new, dtype=torch.float64, requires_grad=True),
        old=old,
        sampler=old if sampler is None else sampler,
        reference=new if reference is None else reference,
    )


def same(reward: float, tokens: int, **logprobs: float) -> Answer:
    """An answer of equal tokens."""
    return Answer(reward, tuple(token(**({"new": -1.0} | logprobs)) for _ in range(tokens)))


NEAR = st.floats(-1.2, 1.2)
TOKENS = st.builds(
    lambda new, old, sampler, reference: token(new, new + old, new + old + sampler, new + reference),
    st.floats(-8, 0),
    NEAR,
    NEAR,
    NEAR,
)
REWARDS = st.integers(-4, 4).map(lambda n: n / 2)
ANSWERS = st.builds(Answer, REWARDS, st.lists(TOKENS, min_size=1, max_size=4).map(tuple))
GROUPS = st.lists(ANSWERS, min_size=2, max_size=4).map(tuple)
STEPS = st.lists(GROUPS, min_size=1, max_size=3)


def answers_of(groups: list[Group]) -> list[Answer]:
    return [answer for group in groups for answer in group]


def advantages_of(groups: list[Group], algorithm: Algorithm) -> list[float]:
    rewards_PG = [[answer.reward for answer in group] for group in groups]
    advantages_PG = algorithm.advantage(rewards_PG, [[True] * len(group) for group in groups])
    return [advantage for advantages_G in advantages_PG for advantage in advantages_G]


def totals_of(groups: list[Group]) -> Totals:
    answers = answers_of(groups)
    return Totals(tokens=sum(len(a.tokens) for a in answers), sequences=len(answers), max_tokens=MAX_TOKENS)


def tokens_of(answers: list[Answer], advantages: list[float]) -> Tokens:
    """One micro-batch, in float64."""
    flat = [t for answer in answers for t in answer.tokens]

    def column(values: list[float]) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float64)

    return Tokens(
        logprobs_K=torch.stack([t.new for t in flat]),
        entropy_K=column([0.0] * len(flat)),
        sampler_logprobs_K=column([t.sampler for t in flat]),
        old_logprobs_K=column([t.old for t in flat]),
        reference_logprobs_K=column([t.reference for t in flat]),
        advantages_K=column([a for answer, a in zip(answers, advantages, strict=True) for _ in answer.tokens]),
        sequence_K=torch.tensor([i for i, answer in enumerate(answers) for _ in answer.tokens]),
    )


def terms_of(groups: list[Group], algorithm: Algorithm) -> Terms:
    """The real loss of a step in one micro-batch."""
    return loss(tokens_of(answers_of(groups), advantages_of(groups, algorithm)), totals_of(groups), algorithm)


def gradient_of(value: torch.Tensor, groups: list[Group]) -> list[list[float]]:
    """d value / d new, for each answer's tokens."""
    answers = answers_of(groups)
    flat = [t.new for answer in answers for t in answer.tokens]
    found = iter(torch.autograd.grad(value, flat, retain_graph=True, materialize_grads=True))
    return [[next(found).item() for _ in answer.tokens] for answer in answers]


def gradients(groups: list[Group], algorithm: Algorithm) -> list[list[float]]:
    return gradient_of(terms_of(groups, algorithm).loss, groups)


def rewarded(groups: list[Group], scale: float, shift: float) -> list[Group]:
    """The same answers with other rewards."""
    return [tuple(replace(answer, reward=scale * answer.reward + shift) for answer in group) for group in groups]
