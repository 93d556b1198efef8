"""Rejection sampling: which traces are kept, and why the others are not.

DeepSeek-R1 (arXiv:2501.12948, section 2.3.3) samples several answers to each question, keeps only the correct ones, and
filters chains of thought with mixed languages, long paragraphs and code blocks. The cold start (section 2.3.1) keeps
R1-Zero's readable answers. Here each of these is a rule with a number; a rule that is null is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from r1rl.judge import RewardSpec
from r1rl.recipe.section import Count, Fraction, Section, SmallCount
from r1rl.traces.trace import Trace
from r1rl.types import Verdict

FENCE = "```"


class Rules(Section):
    """What a trace must be.

    >>> [rule.fn for rule in Rules(format="r1_zero", language="en", max_repetition=0.1).readers()]
    ['format:r1_zero', 'language:consistency', 'repetition:ngrams']
    """

    correct: bool = Field(default=True, description="only traces that the judge found correct")
    format: str | None = Field(default="r1_zero", description="a function of rewards/format.py that must say 1")
    language: str | None = Field(default=None, description="of the thinking, as ISO 639-1; null: any")
    min_consistency: Fraction = Field(default=0.9, description="share of the thinking's words in that language")
    max_repetition: Fraction | None = Field(default=0.1, description="share of runs of 20 words that stood before")
    max_tokens: Count | None = Field(default=None, description="longest trace, in tokens of the model that wrote it")
    max_paragraph: Count | None = Field(default=None, description="longest paragraph of the thinking, in characters")
    code_blocks: bool = Field(default=True, description="whether fenced code may stand in the thinking")
    per_problem: SmallCount | None = Field(default=None, description="traces of one problem at most; the first ones")
    against: tuple[str, ...] = Field(
        default=("math500", "aime2024", "aime2025"),
        strict=False,
        description="sets whose questions must not be learnt",
    )

    def readers(self) -> list[RewardSpec]:
        """The rewards that say how readable a trace is. They meet hostile text, so judges in processes run them."""
        found = []
        if self.format is not None:
            found.append(RewardSpec(fn=f"format:{self.format}", full_marks=True))
        if self.language is not None:
            spoken = {"language": self.language}
            found.append(RewardSpec(fn="language:consistency", options=spoken, full_marks=True))
        if self.max_repetition is not None:
            found.append(RewardSpec(fn="repetition:ngrams", full_marks=True))
        return found

    def broken_by(self, trace: Trace, parts: dict[str, float] | None) -> str | None:
        """Why this trace cannot be kept, by the first rule that it breaks; None: it can.

        Args:
            parts: what `readers` said of it; None when they could not.
        """
        return next(self._broken(trace, parts), None)

    def _broken(self, trace: Trace, parts: dict[str, float] | None) -> Iterator[str]:
        if trace.finish != "stop":
            yield "cut off"
        if trace.verdict is Verdict.UNGRADABLE:
            yield "not gradable"
        if self.correct and trace.verdict is not Verdict.CORRECT:
            yield "not correct"
        if self.max_tokens is not None and trace.tokens > self.max_tokens:
            yield "too long"
        yield from self._unreadable(trace.response, parts)

    def _unreadable(self, response: str, parts: dict[str, float] | None) -> Iterator[str]:
        if parts is None:
            yield "its form could not be judged"
            return
        if self.format is not None and parts[f"format:{self.format}"] < 1:
            yield "not in the form"
        if self.language is not None and parts["language:consistency"] < self.min_consistency:
            yield "mixes languages"
        if self.max_repetition is not None and -parts["repetition:ngrams"] > self.max_repetition:
            yield "repeats itself"
        thinking = response.rpartition("</think>")[0]
        if self.max_paragraph is not None and _longest(thinking.split("\n\n")) > self.max_paragraph:
            yield "has a long paragraph"
        if not self.code_blocks and FENCE in thinking:
            yield "has a code block"


def _longest(paragraphs: Sequence[str]) -> int:
    return max(map(len, paragraphs))
