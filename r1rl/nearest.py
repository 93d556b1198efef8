"""Did you mean ...? One answer to every misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ends an error about an unknown name: the nearest known one, or all of them when none is near.

    >>> did_you_mean("polcy", ["policy", "reward"])
    'did you mean `policy`?'
    >>> did_you_mean("zzz", ["policy", "reward"])
    'known: policy, reward'
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(known) or 'none'}"
