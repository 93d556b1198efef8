"""How far a student's distribution is from a teacher's at each token, over the vocabulary or the teacher's top k.

Forward KL is Hinton's distillation (arXiv 1503.02531), reverse KL MiniLLM's (arXiv 2306.08543), and the generalised
Jensen-Shannon divergence GKD's (arXiv 2306.13649, eq. 1): w KL(teacher || m) + (1 - w) KL(student || m) with
m = w teacher + (1 - w) student. With a top k, all other tokens together count as one: a divergence then can only be
smaller than the full one, and no probability is thrown away as it is by renormalising.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch.utils.checkpoint import checkpoint

CHUNK = 1024  # tokens: two of 1024 x 129,280 fp32 logits are 1 GiB

Kind = Literal["forward_kl", "reverse_kl", "jsd"]


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """Which one.

    >>> Divergence(kind="jsd", weight=0.5, top_k=0).kind
    'jsd'
    """

    kind: Kind
    weight: float = 0.5  # of the teacher in jsd's mixture
    top_k: int = 0  # of the teacher's likeliest tokens; 0: all


@dataclass(frozen=True, kw_only=True)
class Side:
    """What one of the two makes its logits of."""

    hidden_KH: torch.Tensor  # last hidden states before K tokens
    head_VH: torch.Tensor  # weight of the output layer


def divergences(student: Side, teacher: Side, which: Divergence, temperature: float) -> torch.Tensor:
    """The divergence at each token (K), in nats, with gradient to the student. Logits exist one chunk at a time."""
    parts = [
        checkpoint(_chunk, s, student.head_VH, t, teacher.head_VH, which, temperature, use_reentrant=False)
        for s, t in zip(student.hidden_KH.split(CHUNK), teacher.hidden_KH.split(CHUNK), strict=True)
    ]
    return torch.cat(parts)


def _chunk(
    student_KH: torch.Tensor,
    student_VH: torch.Tensor,
    teacher_KH: torch.Tensor,
    teacher_VH: torch.Tensor,
    which: Divergence,
    temperature: float,
) -> torch.Tensor:
    s_KV = _logprobs(student_KH, student_VH, temperature)
    with torch.no_grad():
        t_KV = _logprobs(teacher_KH, teacher_VH, temperature)
    if 0 < which.top_k < t_KV.shape[-1]:
        top = t_KV.topk(which.top_k, dim=-1).indices
        s_KV, t_KV = _with_rest(s_KV, top), _with_rest(t_KV, top)
    return KINDS[which.kind](s_KV, t_KV, which.weight)


def _logprobs(hidden_KH: torch.Tensor, head_VH: torch.Tensor, temperature: float) -> torch.Tensor:
    return torch.log_softmax(torch.nn.functional.linear(hidden_KH, head_VH).float() / temperature, dim=-1)


def _with_rest(logprobs_KV: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """The kept tokens and, as one more, all others together."""
    rest = logprobs_KV.scatter(-1, kept, -math.inf).logsumexp(-1, keepdim=True)
    return torch.cat([logprobs_KV.gather(-1, kept), rest], dim=-1)


def _kl(p_KV: torch.Tensor, q_KV: torch.Tensor) -> torch.Tensor:
    """KL(p || q) of log-probs."""
    return (p_KV.exp() * (p_KV - q_KV)).sum(-1)


def _jsd(s_KV: torch.Tensor, t_KV: torch.Tensor, weight: float) -> torch.Tensor:
    mixture = torch.logaddexp(t_KV + math.log(weight), s_KV + math.log1p(-weight))
    return weight * _kl(t_KV, mixture) + (1 - weight) * _kl(s_KV, mixture)


KINDS: dict[str, Callable[[torch.Tensor, torch.Tensor, float], torch.Tensor]] = {
    "forward_kl": lambda s, t, weight: _kl(t, s),
    "reverse_kl": lambda s, t, weight: _kl(s, t),
    "jsd": _jsd,
}
