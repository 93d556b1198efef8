"""One evaluated answer and the file that holds them: a JSON object per line, appended as answers are judged.

The rows are what `r1rl grade` reads, so an evaluation can be judged again by a newer verifier: `response` is the
model's text, `answer` the gold, `id` and `question` the problem. Fields that this file does not know are ignored.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from r1rl.errors import RunError, UserError
from r1rl.types import Verdict

FINISHED = ("stop", "length")  # how a sample may end; "abort" is the engine's doing: sample it again, never a 0
NAMED = 8  # missing samples told by name


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One answer to one problem, judged.

    >>> a = Attempt(
    ...     id="math500/algebra/24", sample=0, seed=7, question="2+2?", answer="4", response="\\\\boxed{5}",
    ...     verdict=Verdict.WRONG, detail="5 is not 4", said="5", lenient=Verdict.WRONG, tokens=6, finish="stop",
    ...     level=2, subject="algebra",
    ... )
    >>> a.key
    ('math500/algebra/24', 0)
    """

    id: str  # the problem's
    sample: int  # 0 … k-1
    seed: int  # of this one sample
    question: str
    answer: str  # gold
    response: str  # the model's text: hostile
    verdict: Verdict
    detail: str  # the judge's reason; may be empty
    said: str | None  # the answer found in the response, which is what votes; None: there is none
    lenient: Verdict | None  # if the answer may stand anywhere; None: the suite has no such reading
    tokens: int
    finish: str  # one of FINISHED
    level: int | str | None  # None: the suite has no levels
    subject: str | None

    @property
    def key(self) -> tuple[str, int]:
        return self.id, self.sample


class SampleLog:
    """Appends attempts to a file. A last line that a crash cut off is removed when the file is opened."""

    def __init__(self, path: Path) -> None:
        _mend(path)
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115  # closed by close()

    def write(self, attempts: Iterable[Attempt]) -> None:
        self._file.writelines(json.dumps(asdict(attempt)) + "\n" for attempt in attempts)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_attempts(path: Path) -> Iterator[Attempt]:
    """The attempts of a file, one by one: texts of 32,768 tokens times n·k need not be in memory together.

    Raises UserError for a line that is no attempt and for one (problem, sample) given twice. A cut-off last line is
    left out: `complete` then names the sample.
    """
    seen: set[tuple[str, int]] = set()
    for number, line, last in _lines(path):
        try:
            attempt = _parse(line)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            if last and not line.endswith(b"\n"):
                return
            raise UserError(
                f"{path}:{number} is not an evaluated sample: {error!r}",
                "a number over the other lines would look complete",
                "remove the line and evaluate again: only what is missing is sampled",
            ) from error
        if attempt.key in seen:
            raise UserError(
                f"{path}:{number}: sample {attempt.sample} of {attempt.id} is there twice",
                "an answer counted twice moves the number and narrows its interval",
                "remove one of the two lines",
            )
        seen.add(attempt.key)
        yield attempt


def leniently(attempts: Iterable[Attempt]) -> Iterator[Attempt]:
    """The same attempts under their lenient verdicts."""
    return (replace(attempt, verdict=attempt.lenient) for attempt in attempts if attempt.lenient is not None)


def missing(keys: Iterable[tuple[str, int]], problems: Sequence[str], k: int) -> list[tuple[str, int]]:
    """The (problem, sample) pairs that are still to be sampled, problem by problem: what a resumed evaluation does.

    >>> missing([("a", 0), ("b", 1)], ["a", "b"], 2)
    [('a', 1), ('b', 0)]
    """
    found = set(keys)
    return [(name, sample) for name in problems for sample in range(k) if (name, sample) not in found]


def complete(keys: Iterable[tuple[str, int]], problems: Sequence[str], k: int) -> None:
    """Raises RunError unless the keys are exactly samples 0 … k-1 of every problem.

    A missing sample counted as a wrong one has halved published numbers; a missing problem moves them too.
    """
    if not problems or k < 1:
        raise RunError(f"{len(problems)} problems, {k} samples each", "there is nothing to average", "evaluate some")
    if repeated := [name for name, count in Counter(problems).items() if count > 1]:
        raise RunError(f"problem {repeated[0]} is in the suite twice", "it would count double", "give each its own id")
    found = Counter(keys)
    expected = {(name, sample) for name in problems for sample in range(k)}
    _refuse("are missing", missing(found, problems, k), len(expected))
    _refuse("came more than once", [key for key, count in found.items() if count > 1], len(expected))
    _refuse("do not belong to the suite", [key for key in found if key not in expected], len(expected))


def _refuse(what: str, keys: Sequence[tuple[str, int]], expected: int) -> None:
    if not keys:
        return
    names = ", ".join(f"{name} #{sample}" for name, sample in keys[:NAMED])
    more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    raise RunError(
        f"of {expected} samples {len(keys)} {what}: {names}{more}",
        "every number is over all problems times k samples, or it means something else",
        "run the evaluation again with the same output folder: it goes on where it stopped",
    )


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number, line, is it the last?) of the lines that are not empty."""
    with open(path, "rb") as file:
        held: tuple[int, bytes] | None = None
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            if held:
                yield *held, False
            held = number, line
        if held:
            yield *held, True


def _parse(line: bytes) -> Attempt:
    row = json.loads(line)
    known = {field.name: row[field.name] for field in fields(Attempt)}
    lenient = None if row["lenient"] is None else Verdict(row["lenient"])
    attempt = Attempt(**known | {"verdict": Verdict(row["verdict"]), "lenient": lenient})
    if type(attempt.sample) is not int or type(attempt.tokens) is not int or not isinstance(attempt.id, str):
        raise ValueError("id is a text, sample and tokens are whole numbers")
    if attempt.finish not in FINISHED:
        raise ValueError(f"finish is {attempt.finish!r}, not one of {', '.join(FINISHED)}")
    return attempt


def _mend(path: Path) -> None:
    """Ends the file with a newline: after its last line if that is whole, before it if it is cut off."""
    last = b""
    with open(path, "a+b") as file:
        file.seek(0)
        for last in file:  # noqa: B007  # line by line: the file may be larger than memory
            pass
    if not last or last.endswith(b"\n"):
        return
    try:
        _parse(last)
    except (ValueError, TypeError, KeyError, RecursionError):
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size - len(last))
    else:
        with open(path, "ab") as file:
            file.write(b"\n")
