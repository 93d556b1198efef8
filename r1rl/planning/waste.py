"""What of a step's card-seconds brings nothing, in words."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl.planning.plan import Plan

PASS_RATES = (0.02, 0.1, 0.3, 0.5, 0.9)


def flat(pass_rate: float, group: int) -> float:
    """Share of groups whose answers are all right or all wrong, which have no advantage: p^G + (1 - p)^G.

    >>> round(flat(0.1, 8), 2)
    0.43
    """
    return pass_rate**group + (1 - pass_rate) ** group


def found(p: Plan) -> Iterator[tuple[str, str]]:
    """(share, what it is), the largest matters first."""
    w, s = p.job.work, p.sampling
    lines = [
        (p.idle, _idle(p)),
        (s.tail_s / p.step_s, "the end of each rollout, when less than half of the sequences are still being written"),
        (s.host_s / p.step_s, "the sampler's host between decoding steps, while its card waits"),
        (_recomputed(p), "activations computed a second time (learner.checkpointing)"),
        (_prompts(p), f"each prompt learned {w.group} times, once with every answer of its group"),
    ]
    for share, what in sorted(lines, reverse=True):
        if share >= 0.01:
            yield f"{share:.0%}", what
    yield "0%", "padding: sequences are packed"


def flat_groups(p: Plan) -> str:
    """By pass rate, because nobody knows it before."""
    return ", ".join(f"{flat(rate, p.job.work.group):.0%} at {rate:.0%} right" for rate in PASS_RATES)


def _idle(p: Plan) -> str:
    if p.layout.together:
        return "all cards during the weight sync"
    return "cards of the learner during sampling, and the sampler's during learning"


def _recomputed(p: Plan) -> float:
    w = p.job.work
    return p.learning.compute_s / p.step_s / (4 + w.forwards) if w.recompute else 0.0


def _prompts(p: Plan) -> float:
    w = p.job.work
    again = w.prompt * (1 - 1 / w.group) / (w.prompt + w.answer)
    return again * p.learning.compute_s / p.step_s
