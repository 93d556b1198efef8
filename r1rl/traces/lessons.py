"""Traces as what a student learns: its own prompt template, its own tokens, in an order that is a function of a seed.

Tokens are kept on the disk, memory-mapped: made once for each (traces, tokenizer, template, length), by `datasets`.
Left out and counted, never cut: what is longer than the student's context, and what holds the student's end token in
its text, which would teach it to go on after the end.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from r1rl import chat, provenance
from r1rl.errors import UserError
from r1rl.seeds import derive
from r1rl.traces import store
from r1rl.types import Sample

COLUMNS = ("id", "question", "response")


@dataclass(frozen=True, kw_only=True)
class Form:
    """How a trace becomes tokens of the student.

    Its prompt is the question in the template; what the prompt has already written of an answer is not learnt again.
    """

    tokenizer: chat.Tokenizer
    template: str
    max_length: int

    def tokens(self, question: str, response: str) -> tuple[list[int], list[int]]:
        """(prompt, completion with the end token)."""
        begun = chat.opening(self.template, self.tokenizer)
        prompt = chat.render(self.template, question, self.tokenizer)
        rest = response.removeprefix(begun).removeprefix(begun.strip())
        return prompt, chat.encode_completion(self.tokenizer, rest)

    def refuses(self, prompt: Sequence[int], completion: Sequence[int]) -> str:
        """Why these tokens cannot be learnt, or ""."""
        if len(prompt) + len(completion) > self.max_length:
            return "longer than policy.max_length"
        if self.tokenizer.eos_token_id in completion[:-1]:
            return "holds the student's end token"
        return ""

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row of traces as a row of tokens."""
        prompt, completion = self.tokens(row["question"], row["response"])
        why = self.refuses(prompt, completion)
        return {"prompt": [] if why else prompt, "completion": [] if why else completion, "why": why}


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What is learnt and what only measures the loss.

    >>> Lessons(rows=[], train=tuple(range(10)), validation=(), left_out=Counter(), seed=0).steps(batch=4, epochs=2.0)
    5
    """

    rows: Any  # of `datasets`, by index
    train: Sequence[int]  # indices
    validation: Sequence[int]
    left_out: Counter[str]
    seed: int
    worth: float = 1.0  # of a token; 0 where something else than the text is learnt
    _order: dict[int, list[int]] = field(default_factory=dict, repr=False)

    def steps(self, batch: int, epochs: float) -> int:
        """Updates that so many epochs take."""
        return max(1, ceil(epochs * len(self.train) / batch))

    def batch(self, step: int, size: int) -> list[Sample]:
        """What update `step` (from 1 on) learns; every epoch has an order of its own."""
        first = (step - 1) * size
        return [self.sample(self._place(first + i)) for i in range(size)]

    def measured(self, count: int) -> list[Sample]:
        """The first validation samples."""
        return [self.sample(index) for index in self.validation[:count]]

    def sample(self, index: int) -> Sample:
        """A row as a sample: the tokens of the completion are worth something, the prompt's are not learnt."""
        row = self.rows[index]
        completion = tuple(row["completion"])
        return Sample(
            prompt_ids_T=tuple(row["prompt"]),
            token_ids_T=completion,
            logprobs_T=(0.0,) * len(completion),  # no sampler of this run wrote it
            advantages_T=(self.worth,) * len(completion),
        )

    def _place(self, position: int) -> int:
        epoch, place = divmod(position, len(self.train))
        if epoch not in self._order:
            self._order.clear()
            order = list(self.train)
            random.Random(derive(self.seed, "epoch", epoch)).shuffle(order)
            self._order[epoch] = order
        return self._order[epoch][place]


def lessons(folder: Path, form: Form, *, seed: int, validation: float, cache: Path, worth: float = 1.0) -> Lessons:
    """The traces of a folder as lessons. Raises UserError where none can be learnt.

    Args:
        validation: share of problems whose traces only measure the loss; all of a problem's traces go one way.
    """
    from datasets import disable_progress_bars, load_dataset  # here, because it takes seconds to import

    disable_progress_bars()
    shards = store.shards(folder)
    rows = load_dataset("parquet", data_files=[str(s) for s in shards], split="train", cache_dir=str(cache / "read"))
    place = cache / "tokens" / f"{_fingerprint(folder, form)}.arrow"
    place.parent.mkdir(parents=True, exist_ok=True)
    rows = rows.select_columns(list(COLUMNS)).map(
        form.row, remove_columns=["question", "response"], cache_file_name=str(place), new_fingerprint=place.stem
    )
    left_out: Counter[str] = Counter()
    train: list[int] = []
    measured: list[int] = []
    for index, (name, why) in enumerate(zip(rows["id"], rows["why"], strict=True)):
        if why:
            left_out[why] += 1
        else:
            (measured if _fraction(name) < validation else train).append(index)
    if not train:
        raise UserError(
            f"no trace of {folder} can be learnt: {dict(left_out)}",
            "the student would see nothing",
            "raise policy.max_length, or sample more traces",
        )
    return Lessons(rows=rows, train=tuple(train), validation=tuple(measured), left_out=left_out, seed=seed, worth=worth)


def _fingerprint(folder: Path, form: Form) -> str:
    total = hashlib.sha256(repr((form.template, form.max_length, form.tokenizer.chat_template)).encode())
    total.update(repr(sorted(form.tokenizer.get_vocab().items())).encode())
    total.update(provenance.digest(folder).encode())
    return total.hexdigest()[:32]


def _fraction(name: str) -> float:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
