"""Reading a set: from the folder $R1RL_DATA if it is there, else from the hub, with everything checked that is known.

The folder holds JSON Lines and a MANIFEST.json, a list of {"file", "rows", "sha256", …}. A file whose bytes are not
those that the manifest and the definition say is refused: a number reached on other questions is another number.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1rl.corpus import hub
from r1rl.corpus.definition import Corpus, Hub, Offline, Row
from r1rl.corpus.hygiene import BadRow, bad
from r1rl.errors import UserError
from r1rl.types import Problem

FOLDER = "R1RL_DATA"
MANIFEST = "MANIFEST.json"
SHOWN = 10  # bad rows told in an error
NOT_LIKE_THAT = (LookupError, TypeError, ValueError, AttributeError, SyntaxError)  # of a row in another format


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows in the layout, where they come from and the digest of what was read."""

    rows: tuple[Row, ...]
    origin: str
    sha256: str | None  # of the file; None for rows of the hub, which a commit pins


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A set in memory: what can be used and what cannot.

    >>> Loaded(name="a", problems=(), bad=(), origin="/data/a.jsonl", sha256=None).bad
    ()
    """

    name: str
    problems: tuple[Problem, ...]
    bad: tuple[BadRow, ...]
    origin: str
    sha256: str | None


def load(corpus: Corpus) -> Loaded:
    """The set, with bad rows apart. Raises UserError where it is missing or not what it should be."""
    found = rows(corpus)
    problems, bad_rows = [], []
    seen: set[str] = set()
    for row in found.rows:
        problem = _problem(corpus, row)
        if isinstance(problem, BadRow):
            bad_rows.append(problem)
            continue
        why = "its id stands twice" if problem.id in seen else bad(problem, corpus.kind)
        why = why or corpus.known_bad.get(problem.id)
        seen.add(problem.id)
        if why is None:
            problems.append(problem)
        else:
            bad_rows.append(BadRow(id=problem.id, why=why))
    return Loaded(
        name=corpus.name, problems=tuple(problems), bad=tuple(bad_rows), origin=found.origin, sha256=found.sha256
    )


def _problem(corpus: Corpus, row: Row) -> Problem | BadRow:
    try:
        return corpus.problem(row)
    except NOT_LIKE_THAT as error:
        return BadRow(id=str(row["id"]), why=f"cannot be made a problem: {type(error).__name__}: {error}")


def unknown_bad(corpus: Corpus, loaded: Loaded) -> tuple[BadRow, ...]:
    """The bad rows that the definition does not list."""
    return tuple(row for row in loaded.bad if row.id not in corpus.known_bad)


def problems(corpus: Corpus) -> list[Problem]:
    """The usable problems, for an evaluation. Raises UserError for bad rows that the definition does not know of."""
    loaded = load(corpus)
    if unknown := unknown_bad(corpus, loaded):
        raise UserError(
            f"{corpus.name}: {len(unknown)} rows of {loaded.origin} cannot be used:\n{told(unknown)}",
            "left out silently, they would change what a number means",
            f"correct the file, or list them as known_bad in r1rl/data/{corpus.name}.py",
        )
    return list(loaded.problems)


def told(bad_rows: Iterable[BadRow]) -> str:
    """Bad rows as lines, the first few."""
    lines = [f"    {row}" for row in bad_rows]
    return "\n".join(lines[:SHOWN] + ([f"    … and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []))


def rows(corpus: Corpus) -> Rows:
    """The rows that belong to a set, in the layout. Raises UserError."""
    found = file_rows(corpus)
    kept = tuple(filter(corpus.keep, found.rows))
    _check_rows(corpus, len(kept), corpus.count, f"{found.origin}, after selecting")
    return Rows(rows=kept, origin=found.origin, sha256=found.sha256)


def file_rows(corpus: Corpus) -> Rows:
    """The rows of the file that a set is in, which may hold more than the set. Raises UserError."""
    entry = _entry(corpus)
    if entry is not None:
        return _from_folder(corpus, *entry)
    if corpus.hub is None:
        raise hub.missing(corpus.name, None, f"${FOLDER} has no {corpus.file.file}")
    raw = [_laid_out(corpus, index, row) for index, row in enumerate(hub.rows(corpus.name, corpus.hub))]
    _check_rows(corpus, len(raw), corpus.hub.rows, corpus.hub.where)
    first = {row["id"]: row for row in reversed(raw)} if corpus.unique else {}
    return Rows(rows=tuple(reversed(first.values())) or tuple(raw), origin=exported_from(corpus.hub), sha256=None)


def _laid_out(corpus: Corpus, index: int, row: Row) -> Row:
    try:
        return corpus.row(index, row)
    except NOT_LIKE_THAT as error:
        raise UserError(
            f"{corpus.name}: row {index} of the hub is not as expected: {type(error).__name__}: {error}",
            f"it has {', '.join(row) if isinstance(row, dict) else type(row).__name__}; the hub's format has changed",
            f"correct `_row` in r1rl/data/{corpus.name}.py",
        ) from error


def in_folder(corpus: Corpus) -> bool:
    """Is the set in the folder $R1RL_DATA? Raises UserError where the folder has no usable manifest."""
    return _entry(corpus) is not None


def exported_from(hub: Hub) -> str:
    """What a manifest says of a file that was written from the hub.

    >>> exported_from(Hub(repo="a/b", revision="0123456789", rows=1))
    'hub: a/b (train; 01234567)'
    """
    return f"hub: {hub.where}"


def _entry(corpus: Corpus) -> tuple[Path, dict[str, Any]] | None:
    """The set's file in $R1RL_DATA and what the manifest says of it; None where there is neither."""
    if not os.environ.get(FOLDER):
        return None
    folder = Path(os.environ[FOLDER]).expanduser()
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        entry = next((entry for entry in manifest if entry["file"] == corpus.file.file), None)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"${FOLDER} is {folder}, which has no usable {MANIFEST}: {error}",
            "the manifest says which bytes a set consists of",
            f'write one, a list of {{"file": …, "rows": …, "sha256": …}}, or unset {FOLDER} to load from the hub',
        ) from None
    return None if entry is None else (folder / corpus.file.file, entry)


def _from_folder(corpus: Corpus, path: Path, entry: dict[str, Any]) -> Rows:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{corpus.name}: {path} cannot be read: {error}", f"{MANIFEST} says it is there", "put it there"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    # A file that was written from the hub's pinned rows is the same set in other bytes.
    exported = corpus.hub is not None and entry.get("source") == exported_from(corpus.hub)
    defined = Offline(file=path.name) if exported else corpus.file
    for says, expected in ((MANIFEST, entry.get("sha256")), ("its definition", defined.sha256)):
        if expected is not None and digest != expected:
            raise UserError(
                f"{corpus.name}: {path} has sha256 {digest[:16]}…, but {says} says {expected[:16]}…",
                "a number reached on other questions cannot be compared with anything",
                "get the file again; to use data of your own, take `data.source: jsonl`",
            )
    read = tuple(_lines(corpus, path, content))
    for expected_rows in (entry.get("rows"), defined.rows):
        _check_rows(corpus, len(read), expected_rows, str(path))
    return Rows(rows=read, origin=str(path), sha256=digest)


def _lines(corpus: Corpus, path: Path, content: bytes) -> Iterator[Row]:
    # Not splitlines(): it breaks at U+2028 and form feeds too, which stand inside texts.
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _unreadable(corpus, f"{path}:{number}: not JSON: {error}") from None
        if not isinstance(row, dict) or not {"id", "problem", "answer"} <= row.keys():
            raise _unreadable(corpus, f"{path}:{number}: `id`, `problem` and `answer` are not all there")
        yield row


def _unreadable(corpus: Corpus, what: str) -> UserError:
    return UserError(f"{corpus.name}: {what}", "a row that cannot be read is not left out silently", "correct the file")


def _check_rows(corpus: Corpus, count: int, expected: int | None, where: str) -> None:
    if expected is not None and count != expected:
        raise UserError(
            f"{corpus.name}: {where} has {count:,} rows, not {expected:,}",
            "with rows missing or added it is another set, and numbers on it cannot be compared",
            "get the data again",
        )
