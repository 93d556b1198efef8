"""results.json: the numbers of one evaluated suite and everything that defines them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from r1rl.errors import UserError
from r1rl.evaluation.intervals import Interval
from r1rl.run import write_atomically

RESULTS, SAMPLES = "results.json", "samples.jsonl"


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How answers were sampled.

    >>> Sampling(temperature=0.6, top_p=0.95, max_tokens=32768).greedy
    False
    """

    temperature: float
    top_p: float
    max_tokens: int

    @property
    def greedy(self) -> bool:
        return self.temperature == 0


@dataclass(frozen=True, kw_only=True)
class DefinedBy:
    """What else has to be the same for a number to mean the same.

    >>> DefinedBy(
    ...     data_sha="9f…", prompt_sha="c1…", template="deepseek-r1", verifier="math 3", model="runs/a/checkpoints/200",
    ...     model_digest="77…", sampling=Sampling(temperature=0.6, top_p=0.95, max_tokens=32768), seeds=(0,),
    ...     dtype="bfloat16", hardware="NVIDIA H200",
    ... ).template
    'deepseek-r1'
    """

    data_sha: str  # of the problems with their gold answers
    prompt_sha: str  # of the instruction and how the question stands in it
    template: str  # the chat template's name or digest
    sampling: Sampling
    verifier: str  # name and version of the judge
    model: str  # as the user named it
    model_digest: str  # of the weights
    seeds: tuple[int, ...]  # that the samples' own seeds are derived from
    dtype: str  # of the weights and of what is computed
    hardware: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """The numbers of the problems of one level or subject. Shares in 0 … 1; None: nothing was graded.

    >>> Part(
    ...     problems=43, average=0.9, lenient=0.91, sampling=None, over_problems=None, truncated=0.01, no_answer=0.02,
    ...     tokens=900,
    ... ).problems
    43
    """

    problems: int
    average: float | None
    lenient: float | None  # if answers may stand anywhere; None: the suite has no such reading
    sampling: Interval | None
    over_problems: Interval | None
    truncated: float  # share of samples
    no_answer: float
    tokens: float  # mean length of a sample


@dataclass(frozen=True, kw_only=True)
class Results:
    """A suite's numbers. Shares are in 0 … 1, not percent; None stands for what cannot be said.

    `estimates`: avg@k, lenient@k (the same if answers may stand anywhere; not for programs), and pass@j and maj@j for
    j = 1, 2, 4 … k. `intervals`: for avg@k and lenient@k both kinds, for the others over problems. `rates`: truncated,
    no_answer and ungradable as shares of n·k samples, problems_left_out as a share of problems, and avg@k if every
    ungradable sample were wrong (if_ungradable_wrong) or right (if_ungradable_right). `tokens`: mean, median and max
    length of a sample, mean of the right and of the wrong ones, and the sum.

    >>> Results(
    ...     suite="aime2024", n=30, k=64, estimates={"avg@64": 0.289}, intervals={}, rates={}, tokens={}, by={},
    ...     defined_by=None, seconds=60.0, tokens_per_second=9000.0,
    ... ).average
    0.289
    """

    suite: str
    n: int  # problems
    k: int  # samples of each
    estimates: Mapping[str, float | None]
    intervals: Mapping[str, Mapping[str, Interval | None]]  # estimate → "sampling" or "over_problems"
    rates: Mapping[str, float | None]
    tokens: Mapping[str, float | None]
    by: Mapping[str, Mapping[str, Part]]  # "level" or "subject" → its value → numbers
    defined_by: DefinedBy
    seconds: float  # of sampling and judging
    tokens_per_second: float  # sampled tokens over these seconds

    @property
    def average(self) -> float | None:
        return self.estimates[f"avg@{self.k}"]

    @property
    def lenient(self) -> float | None:
        """None: nothing was graded, or the suite has no lenient reading."""
        return self.estimates.get(f"lenient@{self.k}")

    def interval(self, kind: str) -> Interval | None:
        """Of avg@k: "sampling" or "over_problems"."""
        return self.intervals[f"avg@{self.k}"][kind]


def as_json(value: Results | DefinedBy | Sampling) -> dict[str, Any]:
    """As plain data, the same as what is read back from a file. JSON has no NaN: one raises ValueError.

    >>> as_json(Sampling(temperature=0.6, top_p=0.95, max_tokens=32768))["top_p"]
    0.95
    """
    found: dict[str, Any] = json.loads(json.dumps(asdict(value), allow_nan=False))
    return found


def write_results(folder: Path, results: Results) -> None:
    """Writes results.json: all of it or nothing."""
    write_atomically(folder / RESULTS, json.dumps(as_json(results), indent=1) + "\n")


def read_results(folder: Path) -> Results:
    """The results.json of a folder. Raises UserError."""
    path = folder / RESULTS
    try:
        return TypeAdapter(Results).validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise UserError(f"there is no {path}", "it holds an evaluation's numbers", "finish the evaluation") from error
    except ValidationError as error:
        raise UserError(
            f"{path} is not an evaluation's results: {error.errors()[0]['loc']} {error.errors()[0]['msg']}",
            "numbers that are not understood are not compared",
            "evaluate again, or correct the file",
        ) from error


def suites_in(folder: Path) -> dict[str, Path]:
    """The evaluated suites of a folder, by name: itself if it holds results.json, else its subfolders that do.

    Raises UserError if there are none, or if two are of the same suite.
    """
    found = [folder] if (folder / RESULTS).is_file() else sorted(p.parent for p in folder.glob(f"*/{RESULTS}"))
    if not found:
        raise UserError(f"{folder} holds no {RESULTS}", "nothing to compare", "give the output folder of r1rl eval")
    names = [read_results(path).suite for path in found]
    _no_twins(folder, names)
    return dict(zip(names, found, strict=True))


def _no_twins(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"{folder} holds {name} twice", "which one is meant?", "give the folder of one of them")
