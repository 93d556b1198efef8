"""The noun: one judged answer with everything that it came from, and its columns in Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import pyarrow as pa

from r1rl.types import Verdict

TYPES = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "Verdict": pa.string()}


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One answer to one problem. `question`, `answer` and `response` are named as `r1rl grade` reads them.

    >>> t = Trace(ordinal=3, id="addition2/train/0/3", sample=0, question="2+2=?", answer="4", response="<think>…",
    ...     verdict=Verdict.CORRECT, detail="", tokens=9, finish="stop", version=40, seed=77, data="addition {}",
    ...     model="runs/a", model_digest="c1…", template="r1_zero", prompt_sha="9f…", temperature=1.0, top_p=1.0,
    ...     max_tokens=40, judge="number:correct {}, version 1")
    >>> from_row(as_row(t)) == t
    True
    """

    ordinal: int  # of the problem in its data: what a resumed sampling asks for
    id: str  # the problem's
    sample: int  # 0 … k-1
    question: str
    answer: str  # gold
    response: str  # the model's text, with what the prompt had already written of it: hostile
    verdict: Verdict
    detail: str  # the judge's reason; may be empty
    tokens: int  # of the model that wrote it
    finish: str  # "stop" or "length"
    version: int  # of the policy whose weights wrote it
    seed: int  # of this problem's samples
    data: str  # source and options
    model: str  # as the user named it
    model_digest: str  # of weights and config
    template: str
    prompt_sha: str  # of the instruction around the question
    temperature: float
    top_p: float
    max_tokens: int
    judge: str  # name, options and version


SCHEMA = pa.schema([(field.name, TYPES[str(field.type)]) for field in fields(Trace)])
TEXTS = tuple(field.name for field in fields(Trace) if field.type == "str")


def as_row(trace: Trace) -> dict[str, Any]:
    """Plain data. Half a surrogate pair, which UTF-8 cannot hold, becomes `?`."""
    row = asdict(trace)
    return row | {name: row[name].encode("utf-8", "replace").decode() for name in TEXTS}


def from_row(row: Mapping[str, Any]) -> Trace:
    """A row of a journal or of a shard. Columns that a trace does not have are left out.

    Raises KeyError for a column that is missing, ValueError for an unknown verdict.
    """
    known = {field.name: row[field.name] for field in fields(Trace)}
    return Trace(**known | {"verdict": Verdict(row["verdict"])})
