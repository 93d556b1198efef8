"""Did you mean ...? One answer to every misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 20


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ends an error about an unknown name: the nearest known one, or the known ones when none is near.

    >>> did_you_mean("polcy", ["policy", "reward"])
    'did you mean `policy`?'
    >>> did_you_mean("zzz", ["policy", "reward"])
    'known: policy, reward'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known: {', '.join(names[:SHOWN]) or 'none'}" + (", ..." if len(names) > SHOWN else "")
