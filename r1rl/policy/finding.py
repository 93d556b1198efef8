"""The noun of the checks of a policy's folder: what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r1rl.policy.headers import Stored

SHOWN = 3  # names in one message

Read = tuple[Mapping[str, Any], Mapping[str, Stored]]
"""config.json, and every tensor by name."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong with a folder.

    >>> Finding(what="config.json has no scoring_func", why="vLLM routes by softmax", instead="write sigmoid").what
    'config.json has no scoring_func'
    """

    what: str
    why: str
    instead: str


Rule = Callable[[Read], Iterator[Finding]]
"""One rule: yields nothing for a sound folder."""


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
