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


def best(j: Job, card: Card, cards: int, how: Assumptions) -> Plan | None:
    """The fastest plan that fits; of equal ones that with fewer learner ranks. None: nothing fits.

    Settings are changed only as far as memory asks for: first activation checkpointing, then an optimizer with smaller
    state, then one on the host.
    """
    for changed in _settings(j):
        fitting = [p for p in _plans(changed, card, cards, how) if p.fits]
        if fitting:
            return min(fitting, key=lambda p: (round(p.step_s, 3), p.layout.ranks))
    return None


def smallest(j: Job, card: Card, how: Assumptions, most: int = 4096) -> Plan | None:
    """The plan on the fewest cards (1, 2, 4, …) that fits, all settings allowed."""
    cards = 1
    while cards <= most:
        found = best(j, card, cards, how)
        if found:
            return found
        cards *= 2
    return None


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
    for split in SPLITS:
        if j.weight_bytes * j.parameters.total / split > ROOM * card.memory_gib * GIB:
            continue
        layouts = possible(cards, j.prompts, j.work.samples // j.updates, split)
        found = [p for layout in layouts if (p := _roomy(j, card, layout, how)).fits]
        if found:
            yield from found
            return  # splitting an engine further only adds traffic


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
