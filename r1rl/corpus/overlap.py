"""Benchmark questions in training data: the same question, or a run of 13 words in common.

Thirteen words are the measure of GPT-3's appendix C (arXiv:2005.14165). In mathematics they need a stop list: "where m
and n are relatively prime positive integers, find m + n" ends questions by the hundred. Such phrases are cut out of
both texts, and no run of words reaches across a cut. A question of which less than 13 words are left in one piece
is compared as a whole, if it has at least 8: shorter ones ("Compute sin 60 degrees") stand in every textbook.

A hit of 13 words is no proof. Competitions reuse their wording with other numbers; `share` tells how much of the
benchmark question was found. Paraphrases and translations are not found at all.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from r1rl.corpus.normalise import key, words
from r1rl.errors import UserError
from r1rl.types import Problem

N = 13  # words in common
SHORTEST = 8  # words of a question that is compared as a whole
CUT = "|"  # no word contains it
Gram = tuple[str, ...]

# Of what is left of a text by `words`. \w stands for the names of variables, which differ from question to question.
BOILERPLATE = re.compile(
    r"\b(?:"
    r"(?:(?:as|is|form|to|equals?|equal to|of the form|can be (?:written|expressed) (?:as|in the form)) )*"
    r"(?:[dt]?frac )?(?:\w \w )?where (?:(?:\w|and) ){2,9}are (?:relatively prime |coprime |mutually prime )?"
    r"(?:positive |nonnegative |non negative )?(?:integers|real numbers|constants)(?: such that)?"
    r"|(?:and )?\w is not divisible by the square of any prime(?: number)?"
    r"|(?:and )?(?:the )?(?:fraction |greatest common divisor of )?\w(?: \w)* (?:is|are) "
    r"(?:in lowest terms|relatively prime)"
    r"|find (?:the value of )?\w(?: \w){1,3}\b"
    r"|(?:enter|express|give|write|submit) (?:your|the|all)(?: final)? (?:answers?|possible values)[^|]{0,80}?"
    r"(?:form|as|in|separated by commas|decimal places?|radians|degrees|units)(?: an?| the| \w){0,3}\b"
    r"|(?:in|of|has) the (?:standard )?form(?: \w){2,12}? where(?: \w)+ are integers(?: such that)?"
    r"|are integers such that(?: \w)* 0 and gcd(?: \w)+"
    r"|\w 0 and gcd(?: \w)+"
    r"|where \w 0 and 0 le theta 2 pi"
    r"|enter the letters? of the correct options?"
    r"|[a-f] (?:line|circle|parabola|ellipse|hyperbola|point)(?: [a-f] (?:line|circle|parabola|ellipse|hyperbola|point"
    r"|empty set|sphere|cylinder|cone|plane|two lines|none of the above))+"
    r"|(?:reminder )?the number n is the product of the integers from 1 to n(?: for example(?: \w+){1,16}? 120)?"
    r"|round your answer to the nearest \w+|assume that all \w+ are (?:distinct|real)"
    r"|write a (?:python )?function to(?: find| check| count| return)?"
    r"|(?:input format )?the first line (?:of each test case )?contains (?:a single|one|an) integers? \w"
    r"(?: \w+){0,9}? the number of test cases(?: the description of (?:the )?test cases follows)?"
    r")(?= |$)"
)


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """A training problem that shares text with a benchmark problem.

    >>> Overlap(id="math/7", benchmark="math500/algebra/1", kind="exact", share=1.0, text="find x").kind
    'exact'
    """

    id: str
    benchmark: str
    kind: str  # "exact": the same question; "13-gram": words in common; "whole": a short question as a part
    share: float  # of the benchmark question's runs of words
    text: str  # some of what they have in common


@dataclass(frozen=True, kw_only=True)
class _Known:
    """A benchmark question: how many runs of words it has."""

    id: str
    grams: int


class Index:
    """The benchmarks that training data are held against.

    >>> benchmark = Problem(id="b", question="Find $x+2$.", gold="1")
    >>> [hit.kind for hit in Index([benchmark]).hits(Problem(id="t", question="find x + 2", gold="1"))]
    ['exact']
    """

    def __init__(self, benchmark: Iterable[Problem]) -> None:
        self._exact: dict[str, list[_Known]] = defaultdict(list)
        self._grams: dict[Gram, list[_Known]] = defaultdict(list)
        self._lengths: set[int] = set()
        for problem in benchmark:
            grams = benchmark_grams(problem.question)
            known = _Known(id=problem.id, grams=len(grams))
            self._exact[key(problem.question)].append(known)
            self._lengths |= {len(gram) for gram in grams}
            for gram in grams:
                self._grams[gram].append(known)

    def hits(self, problem: Problem) -> list[Overlap]:
        """The benchmark problems that a problem shares text with, the same ones first."""
        same = self._exact.get(key(problem.question), [])
        found = [_overlap(problem, known, "exact", 1.0, problem.question) for known in same]
        shared: dict[str, list[tuple[_Known, Gram]]] = defaultdict(list)
        for gram in self._of(problem.question):
            for known in self._grams.get(gram, ()):
                shared[known.id].append((known, gram))
        for hits in shared.values():
            known, gram = hits[0]
            if known not in same:
                kind = "13-gram" if len(gram) == N else "whole"
                found.append(_overlap(problem, known, kind, len(hits) / known.grams, " ".join(gram)))
        return found

    def _of(self, question: str) -> list[Gram]:
        found = {gram: None for segment in segments(question) for n in self._lengths for gram in runs(segment, n)}
        return list(found)  # in the order of the text, and each once


def contaminated(problems: Iterable[Problem], against: Iterable[Problem]) -> list[Overlap]:
    """Where training problems share text with benchmark problems."""
    index = Index(against)
    return [hit for problem in problems for hit in index.hits(problem)]


def refuse(overlaps: list[Overlap], instead: str) -> None:
    """Raises UserError if there are any. `instead` says how to leave them out."""
    if not overlaps:
        return
    rows = len({hit.id for hit in overlaps})
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(hit.kind for hit in overlaps).items())
    first = "\n".join(f"    {hit.id} - {hit.benchmark} ({hit.kind}): {hit.text[:80]!r}" for hit in overlaps[:5])
    raise UserError(
        f"{rows} training problems share text with the benchmarks ({kinds}):\n{first}",
        "a policy that was trained on a question is not measured by it",
        instead,
    )


def benchmark_grams(question: str) -> set[Gram]:
    """The runs of words that give a benchmark question away."""
    found = segments(question)
    grams = {gram for segment in found for gram in runs(segment, N)}
    longest = max((tuple(segment) for segment in found), key=len, default=())
    return grams or ({longest} if len(longest) >= SHORTEST else set())


def segments(question: str) -> list[list[str]]:
    """The words of a question between its boilerplate.

    >>> segments("The area is m/n, where m and n are relatively prime positive integers. Find m+n.")
    [['the', 'area']]
    """
    text = BOILERPLATE.sub(CUT, " ".join(words(question)))
    return [segment.split() for segment in text.split(CUT) if segment.strip()]


def runs(segment: list[str], n: int) -> Iterator[Gram]:
    """All runs of n words.

    >>> list(runs(["a", "b", "c"], 2))
    [('a', 'b'), ('b', 'c')]
    """
    return (tuple(segment[i : i + n]) for i in range(len(segment) - n + 1))


def _overlap(problem: Problem, known: _Known, kind: str, share: float, text: str) -> Overlap:
    return Overlap(id=problem.id, benchmark=known.id, kind=kind, share=share, text=text)
