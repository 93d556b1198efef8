"""maj@k: the answer that most of k samples agree on, as one answer.

Answers agree when the verifier says so, not when their texts are equal. What says nothing does not vote. Tied answers
share the vote: the value is the mean over them, not that of whichever came first. For k below the number of samples
the value is the exact mean over all subsets of size k, so it is unbiased as pass@k is (arXiv:2107.03374) and needs no
random numbers. Left out: cons@64 of published tables names the same thing, with rules for ties nobody wrote down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from r1rl.evaluation.attempts import Attempt
from r1rl.types import Verdict

Same = Callable[[str, str], bool]
"""The verifier: do these two answers to one problem mean the same?"""


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """The votes on one problem: how many each class of answers got, and how many samples did not vote.

    >>> Ballot(votes_C=(3, 2), right_C=(1.0, 0.0), silent=1).samples
    6
    """

    votes_C: tuple[int, ...]
    right_C: tuple[float, ...]  # share of a class's samples judged right: 0 or 1 unless the judge contradicts itself
    silent: int  # graded, but said nothing

    @property
    def samples(self) -> int:
        return sum(self.votes_C) + self.silent


def ballot(attempts: Sequence[Attempt], same: Same) -> Ballot:
    """The votes of one problem's attempts; ungradable ones are left out.

    Right answers whose text was not noted are one class: each of them equals the gold answer.
    """
    cast = [a for a in attempts if a.verdict is not Verdict.UNGRADABLE]
    voters = [a for a in cast if a.verdict is Verdict.CORRECT or (a.verdict is Verdict.WRONG and a.said is not None)]
    class_of = classes([a.said for a in voters if a.said is not None], same)
    votes, right = Counter[int](), Counter[int]()
    for attempt in voters:
        found = -1 if attempt.said is None else class_of[attempt.said]
        votes[found] += 1
        right[found] += attempt.verdict is Verdict.CORRECT
    return Ballot(
        votes_C=tuple(votes.values()),
        right_C=tuple(right[c] / votes[c] for c in votes),
        silent=len(cast) - len(voters),
    )


def classes(answers: Sequence[str], same: Same) -> dict[str, int]:
    """The class of each distinct answer. An answer joins the first class whose most frequent form it equals.

    The most frequent come first, so the result does not depend on the order of the samples, and identical texts are
    never asked about.
    """
    counts = Counter(answers)
    heads: list[str] = []
    class_of: dict[str, int] = {}
    for answer in sorted(counts, key=lambda text: (-counts[text], text)):
        found = next((i for i, head in enumerate(heads) if same(head, answer)), len(heads))
        if found == len(heads):
            heads.append(answer)
        class_of[answer] = found
    return class_of


def majority(votes: Ballot, k: int) -> float:
    """The chance that the vote of k samples, drawn without replacement, is right; all of them if there are fewer.

    If nobody in the subset votes, the vote is wrong.

    >>> majority(Ballot(votes_C=(2, 2), right_C=(1.0, 0.0), silent=3), 7)
    0.5
    """
    k = min(k, votes.samples)
    if not k or not any(votes.right_C):
        return 0.0
    from scipy.stats import binom  # here, because it takes a second to import

    def flips(count: int) -> np.ndarray:
        """The chance of 0 … k heads of `count` flips."""
        return np.asarray(binom.pmf(np.arange(k + 1), count, k / votes.samples))

    weight_C = [flips(count) for count in votes.votes_C]
    most = min(k, max(votes.votes_C))
    won = (_won_with(votes, weight_C, flips(_losers(votes, top)), top) for top in range(1, most + 1))
    return float(sum(won) / flips(votes.samples)[k])


def _won_with(votes: Ballot, weight_C: Sequence[np.ndarray], losers_D: np.ndarray, top: int) -> float:
    """Sum over subsets of size k, won with `top` votes, of their weight times the mean right share of the winners.

    Every sample is drawn by the flip of a coin, heads k of n times; all subsets of size k then weigh the same, and no
    table holds anything above 1, where counts of subsets overflow. Class by class, two tables over (samples drawn,
    winners so far): the weight of the subsets, and the sum of weight times their winners' right shares.
    """
    k = len(losers_D) - 1
    chance, right = np.zeros((2, k + 1, k // top + 1))
    chance[:, 0] = losers_D  # silent samples and classes too small to win are one pool
    for count, value, weight_D in zip(votes.votes_C, votes.right_C, weight_C, strict=True):
        if count < top:
            continue
        new_chance, new_right = (_lost(table, weight_D[:top]) for table in (chance, right))
        new_chance[top:, 1:] += weight_D[top] * chance[:-top, :-1]
        new_right[top:, 1:] += weight_D[top] * (right[:-top, :-1] + value * chance[:-top, :-1])
        chance, right = new_chance, new_right
    return float((right[k, 1:] / np.arange(1, k // top + 1)).sum())


def _losers(votes: Ballot, top: int) -> int:
    return votes.silent + sum(count for count in votes.votes_C if count < top)


def _lost(table: np.ndarray, weight_D: np.ndarray) -> np.ndarray:
    """The table after 0 … top-1 samples were drawn of one more class."""
    out = np.zeros_like(table)
    for drawn, weight in enumerate(weight_D):
        out[drawn:] += weight * table[: len(table) - drawn]
    return out
