"""The nouns that travel between rooms: Problem -> Group of Completion -> ScoredGroup of Score -> Sample.

Each is frozen and complete: the type says which rooms a thing has been through, so no field ever means "not yet".
Axis letters in names: `_P` problems, `_G` samples of one group, `_T` tokens. A sequence of numbers, one for each token
of a completion, is a tuple, or r1rl.packed.Packed once it has travelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One question with its gold answer.

    >>> Problem(id="addition/train/7", question="What is 347 + 285?", gold="632", meta={"digits": 3}).gold
    '632'
    """

    id: str  # stable across runs and machines
    question: str
    gold: str
    meta: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Routes:
    """Which experts a sampler's routers chose, token by token, as bytes.

    >>> Routes(data=bytes([0, 3, 1, 2]), layers=1, top_k=2, wide=False).tokens
    2
    """

    data: bytes  # [tokens, layers, top_k] of expert numbers
    layers: int  # with experts
    top_k: int
    wide: bool  # two little-endian bytes a number, for more than 256 experts

    @property
    def tokens(self) -> int:
        return len(self.data) // (self.layers * self.top_k * (2 if self.wide else 1))


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a sampler wrote after one prompt: ids, not text, so that nothing is ever re-tokenised.

    >>> c = Completion(token_ids_T=(5, 9, 2), logprobs_T=(-0.1, -0.7, -0.02), finish="stop", version=4)
    >>> len(c.token_ids_T), c.version
    (3, 4)
    """

    token_ids_T: Sequence[int]
    logprobs_T: Sequence[float]  # nats, of each sampled token at the real sampling temperature
    finish: str  # "stop" (end token), "length" (cut off) or "abort"
    version: int  # the policy version whose weights wrote every one of these tokens
    routes: Routes | None = None  # of prompt and completion but the last token; None where the engine does not tell


@dataclass(frozen=True, kw_only=True)
class Group:
    """G completions of one prompt. Groups are never split between workers.

    >>> g = Group(problem=Problem(id="a", question="1+1", gold="2"), prompt_ids_T=(1, 2), completions_G=())
    >>> g.prompt_ids_T
    (1, 2)
    """

    problem: Problem
    prompt_ids_T: tuple[int, ...]
    completions_G: tuple[Completion, ...]


class Verdict(StrEnum):
    """What a judge can say. UNGRADABLE (bad gold, timeout, crash) is masked and counted: never a 0, never a 1."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    UNGRADABLE = "ungradable"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict, the points it is worth and the reason.

    >>> Judgement.of(Verdict.WRONG, "5 is not 6").value
    0.0
    >>> Judgement(verdict=Verdict.WRONG, value=0.75, detail="3 of 4 cases").value
    0.75
    """

    verdict: Verdict
    value: float  # 1.0 for CORRECT and 0.0 for anything else, unless a reward gives partial credit
    detail: str  # why, in a few words; may be empty

    @classmethod
    def of(cls, verdict: Verdict, detail: str = "") -> Judgement:
        """The judgement without partial credit."""
        return cls(verdict=verdict, value=float(verdict is Verdict.CORRECT), detail=detail)


@dataclass(frozen=True, kw_only=True)
class Score:
    """One completion's reward, its named parts, and whether the answer was right.

    >>> Score(value=2.0, parts={"number:correct": 1.0, "format:r1_zero": 1.0}, verdict=Verdict.CORRECT, detail="").value
    2.0
    """

    value: float  # weighted sum of the parts; meaningless when the verdict is UNGRADABLE
    parts: Mapping[str, float]
    verdict: Verdict
    detail: str  # the first reward's reason for its verdict; may be empty


@dataclass(frozen=True, kw_only=True)
class ScoredGroup:
    """A group with one score per completion.

    >>> p = Problem(id="a", question="1+1", gold="2")
    >>> ScoredGroup(group=Group(problem=p, prompt_ids_T=(1,), completions_G=()), texts_G=(), scores_G=()).scores_G
    ()
    """

    group: Group
    texts_G: tuple[str, ...]
    scores_G: tuple[Score, ...]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sequence for the learner: prompt and completion ids, the sampler's log-probs and the advantages.

    >>> s = Sample(prompt_ids_T=(1, 2), token_ids_T=(5, 9), logprobs_T=(-0.1, -0.7), advantages_T=(1.5, 1.5))
    >>> len(s.prompt_ids_T) + len(s.token_ids_T)
    4
    """

    prompt_ids_T: tuple[int, ...]
    token_ids_T: Sequence[int]
    logprobs_T: Sequence[float]
    advantages_T: Sequence[float]  # one per completion token; equal ones where only the whole answer was judged
    routes: Routes | None = None  # the completion's


RewardFn = Callable[..., "Judgement | Verdict | float"]
"""A reward: (problem, completion text, **options) -> a Judgement or Verdict (a judge of right and wrong) or a float.

The options come from the recipe. Those in FILLED come from the answer, for a function that names them.
"""

FILLED = frozenset({"tokens", "verdict"})
"""`tokens`: the completion's length in tokens. `verdict`: the Verdict of the recipe's first reward."""


class ProblemSource(Protocol):
    """Where problems come from. `problem` is a pure function of its arguments: that is what makes streams resumable."""

    def problem(self, split: str, ordinal: int) -> Problem:
        """The problem at a place of the "train" or "heldout" split; the splits share no problem."""
        ...

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        """A training problem and one worked example of it, written as the policy should write (tags included)."""
        ...
