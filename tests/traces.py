"""Small made-up traces for the tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from r1rl.traces.store import write_all
from r1rl.traces.trace import Trace
from r1rl.types import Verdict


def trace(ordinal: int = 0, sample: int = 0, **changes: object) -> Trace:
    """A right answer to a sum."""
    a = 10 + ordinal
    plain = Trace(
        ordinal=ordinal,
        id=f"addition2/train/{ordinal}",
        sample=sample,
        question=f"{a}+7=?",
        answer=str(a + 7),
        response=f"<think>{a}+7, way {sample}</think><answer>{a + 7}</answer>",
        verdict=Verdict.CORRECT,
        detail="",
        tokens=12,
        finish="stop",
        version=3,
        seed=ordinal,
        data="addition {}",
        model="runs/a",
        model_digest="c1",
        template="r1_zero",
        prompt_sha="9f",
        temperature=1.0,
        top_p=1.0,
        max_tokens=40,
        judge="number:correct {}, version 1",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def group(ordinal: int, samples: int = 2) -> list[Trace]:
    return [trace(ordinal, sample) for sample in range(samples)]


def folder(path: Path, traces: list[Trace]) -> Path:
    write_all(path, traces)
    return path
