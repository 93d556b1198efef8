"""reasoning-gym's tasks (arXiv:2505.24760), a hundred generators of problems, behind one adapter.

Install the library yourself: `pip install reasoning-gym`. Judge its answers by `reasoning_gym:correct`, which asks the
task's own scorer. Tasks whose scorers evaluate answers as Python are refused, see r1rl.corpus.gym.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from r1rl.corpus import gym
from r1rl.corpus.normalise import key
from r1rl.types import Problem, ProblemSource

BLOCK = 200  # problems of one dataset of the library; some of them draw all their tasks when they are made
TRIES = 200  # at most, to find a problem that is not held out
DRAWS = 50_000  # at most, to find held-out problems


def source(
    *, seed: int, task: str, size: int = 0, heldout: float = 0.1, **settings: int | float | str | bool
) -> ProblemSource:
    """Problems of a task.

    Args:
        size: how many training problems there are before they come again; 0 for no end.
        heldout: the share of questions that is never trained on.
        settings: of the task, such as `min_terms` for chain_sum.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(f"reasoning_gym: size must be a whole number from 0, not {size!r}")
    if isinstance(heldout, bool) or not isinstance(heldout, int | float) or not 0 < heldout < 1:
        raise ValueError(f"reasoning_gym: heldout must be a number between 0 and 1, not {heldout!r}")
    gym.check(task)
    opened = ReasoningGym(seed=seed, task=task, size=size, heldout=heldout, settings=tuple(sorted(settings.items())))
    opened.problem("train", 0)  # settings that a task does not like show when it makes its first problem
    return opened


@dataclass(frozen=True, kw_only=True)
class ReasoningGym:
    """See `source`. The library seeds entry i by seed + i, so neighbouring seeds would share nearly all problems:
    every block has a seed drawn by a hash instead.
    """

    seed: int
    task: str
    size: int
    heldout: float
    settings: tuple[tuple[str, Any], ...]
    _found: list[Problem] = field(default_factory=list, repr=False, compare=False)  # held-out problems so far
    _state: dict[str, int] = field(default_factory=lambda: {"drawn": 0}, repr=False, compare=False)
    _seen: set[str] = field(default_factory=set, repr=False, compare=False)

    def problem(self, split: str, ordinal: int) -> Problem:
        if split == "train":
            return self._train(ordinal % self.size if self.size else ordinal)
        if split == "heldout":
            return self._heldout(ordinal)
        raise ValueError(f"reasoning_gym has the splits 'train' and 'heldout', not {split!r}")

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        raise ValueError("reasoning_gym: its tasks have no worked examples; leave out warmup")

    def _train(self, ordinal: int) -> Problem:
        for attempt in range(TRIES):
            entry = self._entry(f"{self.seed}/train/{attempt}", ordinal)
            if not self._is_heldout(entry["question"]):
                return self._problem(f"train/{self.seed}/{ordinal}", entry)
        raise ValueError(f"reasoning_gym: {self.task} has hardly any problem that is not held out; lower heldout")

    def _heldout(self, ordinal: int) -> Problem:
        while len(self._found) <= ordinal:
            if self._state["drawn"] >= DRAWS:
                raise ValueError(f"reasoning_gym: no held-out problem {ordinal} of {self.task}; ask for fewer problems")
            entry = self._entry("heldout", self._state["drawn"])
            self._state["drawn"] += 1
            if self._is_heldout(entry["question"]) and key(entry["question"]) not in self._seen:
                self._seen.add(key(entry["question"]))
                self._found.append(self._problem(f"heldout/{len(self._found)}", entry))
        return self._found[ordinal]

    def _entry(self, stream: str, ordinal: int) -> dict[str, Any]:
        block, place = divmod(ordinal, BLOCK)
        return dict(gym.dataset(self.task, _seed(f"{stream}/{block}"), BLOCK, self.settings)[place])

    def _is_heldout(self, question: str) -> bool:
        digest = hashlib.sha256(key(question).encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64 < self.heldout

    def _problem(self, place: str, entry: dict[str, Any]) -> Problem:
        gold = entry["answer"]
        return Problem(
            id=f"reasoning_gym/{self.task}/{place}",
            question=entry["question"],
            gold="" if gold is None else str(gold),  # None: many answers are right, and only the scorer knows them
            meta={"task": self.task, "entry": entry},
        )


def _seed(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) >> 1
