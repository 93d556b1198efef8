"""Before a run trains on data: are there benchmark questions in them?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from r1rl.catalogue import benchmark
from r1rl.corpus.overlap import Overlap, contaminated, refuse
from r1rl.types import ProblemSource

MODES = ("refuse", "drop")


def decontaminated(source: ProblemSource, against: Sequence[str], mode: str) -> tuple[ProblemSource, list[Overlap]]:
    """A source without training problems that share text with benchmarks, and what was found.

    A source that makes its problems passes unasked; one that has `splits`, lists of problems by the split's name, is
    held against the benchmarks, and so is every part of a mixture. Raises UserError where something is found and the
    mode is "refuse".
    """
    if mode not in MODES:
        raise ValueError(f"contaminated problems: {' or '.join(MODES)}, not {mode!r}")
    if hasattr(source, "parts"):
        return _mixture(source, against, mode)
    splits = getattr(source, "splits", None)
    if not against or splits is None:
        return source, []
    found = contaminated(splits["train"], benchmark(against))
    if mode == "refuse":
        refuse(found, "write data.contaminated: drop to train without them, or data.against: [] if nothing is measured")
    ids = {hit.id for hit in found}
    kept = [problem for problem in splits["train"] if problem.id not in ids]
    if not kept:
        raise ValueError(f"all {len(ids)} training problems share text with {', '.join(against)}")
    changed: Any = source
    return dataclasses.replace(changed, splits={**splits, "train": kept}), found


def _mixture(source: Any, against: Sequence[str], mode: str) -> tuple[ProblemSource, list[Overlap]]:
    parts, found = [], []
    for part in source.parts:
        kept, hits = decontaminated(part.source, against, mode)
        parts.append(dataclasses.replace(part, source=kept))
        found += hits
    return dataclasses.replace(source, parts=tuple(parts)), found
