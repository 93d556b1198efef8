"""Everything that can be checked about a set, as a list of findings."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from r1rl.answer.verdict import judge
from r1rl.corpus.definition import Corpus
from r1rl.corpus.hygiene import doubt
from r1rl.corpus.load import Loaded, load, unknown_bad
from r1rl.corpus.normalise import key
from r1rl.errors import UserError
from r1rl.types import Problem, Verdict


class Mark(StrEnum):
    """How serious a finding is."""

    FINE = "fine"
    NOTE = "note"  # to know, and nothing to do
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was checked.

    >>> Finding(mark=Mark.FINE, what="rows", detail="500").mark.value
    'fine'
    """

    mark: Mark
    what: str
    detail: str


def verify(corpus: Corpus) -> list[Finding]:
    """Loads a set and checks it; rows, digests and selection are checked by loading. Never raises UserError."""
    try:
        loaded = load(corpus)
    except UserError as error:
        return [Finding(mark=Mark.WRONG, what="loading", detail=str(error))]
    return [
        Finding(mark=Mark.FINE, what="from", detail=loaded.origin),
        Finding(mark=Mark.FINE, what="rows", detail=f"{len(loaded.problems):,} usable, {len(loaded.bad)} bad"),
        _pinned(corpus, loaded),
        Finding(mark=Mark.FINE, what="digest of the problems", detail=digest(loaded.problems)),
        *_bad(corpus, loaded),
        *_doubts(corpus, loaded),
        *_repeated(loaded),
    ]


def digest(problems: tuple[Problem, ...]) -> str:
    """Sixteen characters that tell whether two copies ask the same questions and want the same answers.

    Not of the file: the same rows from the hub and from a folder have the same digest.
    """
    total = hashlib.sha256()
    for problem in problems:
        tests = problem.meta.get("tests")
        total.update(json.dumps([problem.question, problem.gold, tests], default=str).encode())
    return total.hexdigest()[:16]


def _pinned(corpus: Corpus, loaded: Loaded) -> Finding:
    if loaded.sha256 is not None:
        known = corpus.file.sha256 is not None
        detail = f"{loaded.sha256} ({'the definition and the manifest agree' if known else 'as in the manifest'})"
        return Finding(mark=Mark.FINE, what="sha256", detail=detail)
    assert corpus.hub is not None
    if corpus.hub.revision:
        return Finding(mark=Mark.FINE, what="revision", detail=corpus.hub.revision)
    return Finding(mark=Mark.NOTE, what="revision", detail="not pinned: tomorrow it may be another set")


def _bad(corpus: Corpus, loaded: Loaded) -> list[Finding]:
    unknown = unknown_bad(corpus, loaded)
    listed = [row for row in loaded.bad if row not in unknown]
    return [
        *(Finding(mark=Mark.NOTE, what="bad row, listed in the definition", detail=str(row)) for row in listed),
        *(Finding(mark=Mark.WRONG, what="bad row", detail=str(row)) for row in unknown),
    ]


def _doubts(corpus: Corpus, loaded: Loaded) -> list[Finding]:
    reasons = ((problem, doubt(problem, corpus.kind)) for problem in loaded.problems)
    return [
        Finding(mark=Mark.WRONG, what="gold answer", detail=f"{problem.id}: {problem.gold!r:.80} {reason}")
        for problem, reason in reasons
        if reason
    ]


def _repeated(loaded: Loaded) -> list[Finding]:
    """Questions that stand several times; with different answers, if they do."""
    groups: dict[str, list[Problem]] = defaultdict(list)
    for problem in loaded.problems:
        groups[key(problem.question)].append(problem)
    repeated = [group for group in groups.values() if len(group) > 1]
    torn = [group for group in repeated if not all(_agree(group[0], other) for other in group[1:])]
    count = f"{len(repeated)} questions stand more than once"
    found = [Finding(mark=Mark.NOTE, what="repeated", detail=count)] if repeated else []
    return found + [
        Finding(
            mark=Mark.NOTE, what="same question, other answer", detail=", ".join(f"{p.id}: {p.gold}" for p in group)
        )
        for group in torn
    ]


def _agree(one: Problem, other: Problem) -> bool:
    return one.gold == other.gold or judge(one.gold, other.gold).verdict is Verdict.CORRECT
