"""The fastest layout that fits, and with which settings of the recipe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from r1rl.planning import plan as plans
from r1rl.planning.cost import Assumptions
from r1rl.planning.hardware import Card
from r1rl.planning.layout import Layout, possible
from r1rl.planning.plan import GIB, ROOM, Job, Plan

SPLITS = (1, 2, 4, 8, 16, 32, 64)
LEAST_CACHE_GIB = 0.25
MOST = 1024  # cards


def best(j: Job, card: Card, cards: int, how: Assumptions) -> Plan | None:
    """The fastest plan that fits; of equal ones that with fewer learner ranks. None: nothing fits.

    Settings are changed only as far as memory asks for: first activation checkpointing, then an optimizer with smaller
    state, then one on the host.
    """
    for changed in _settings(j):
        fitting = list(_plans(changed, card, cards, how))
        if fitting:
            return min(fitting, key=lambda p: (round(p.step_s, 3), p.layout.ranks))
    return None


def larger(j: Job, card: Card, cards: int, how: Assumptions) -> Plan | None:
    """The best plan on these cards, or on the next power of two of them on which anything fits."""
    found = best(j, card, cards, how)
    size = 1 << cards.bit_length()
    while found is None and card.on_gpu and size <= MOST:
        found = best(j, card, size, how)
        size *= 2
    return found


def _settings(j: Job) -> Iterator[Job]:
    shape = j.learner
    yield j
    recomputed = replace(shape, recompute=True)
    states = [recomputed]
    if not shape.masters_on_host:
        states += [replace(recomputed, state_bytes=min(2, shape.state_bytes))]
        states += [replace(recomputed, state_bytes=8, masters_on_host=True)]
    for state in states:
        if state != shape:
            yield replace(j, learner=state, work=replace(j.work, recompute=True))


def _plans(j: Job, card: Card, cards: int, how: Assumptions) -> Iterator[Plan]:
    """Whole engines on one card each where they fit, which is what r1rl can start; else split over several."""
    whole, *split = (list(_split(j, card, cards, n, how)) for n in SPLITS if n <= cards)
    yield from whole or (p for plans_of_one in split for p in plans_of_one)


def _split(j: Job, card: Card, cards: int, split: int, how: Assumptions) -> Iterator[Plan]:
    if j.weight_bytes * j.parameters.total / split > ROOM * card.memory_gib * GIB:
        return
    for layout in possible(cards, j.prompts, j.work.samples // j.updates, split):
        p = _roomy(j, card, layout, how)
        if p.fits:
            yield p


def _roomy(j: Job, card: Card, layout: Layout, how: Assumptions) -> Plan:
    """With as much KV cache as all sequences want, or as there is room for."""
    tight = plans.plan(replace(j, cache_gib=LEAST_CACHE_GIB), card, layout, how)
    sequences = -(-j.work.samples // layout.workers)
    tokens = j.work.prompt + j.work.answer
    wanted = sequences * tokens * j.weight_bytes * j.cached_values / layout.split / GIB
    engines = max(1, layout.on_one)
    used = tight.fullest if layout.together else tight.engine.on_card
    free = (ROOM * card.memory_gib - used / GIB) / engines
    cache = LEAST_CACHE_GIB + max(0.0, min(1.1 * wanted - LEAST_CACHE_GIB, free))
    return plans.plan(replace(j, cache_gib=_rounded(cache)), card, layout, how)


def _rounded(gib: float) -> float:
    """Down to quarters below 4 GiB and to whole ones above."""
    return float(int(gib)) if gib >= 4 else max(LEAST_CACHE_GIB, int(4 * gib) / 4)
