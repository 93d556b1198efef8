"""The rollouts of a step: all of them as JSONL, a few as text a person reads, and what could not be graded.

Beside them the first answers of each evaluation on held-out problems.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from r1rl.types import ScoredGroup, Verdict

KEPT = 100  # ungradable answers


class Writer:
    """Writes the rollouts of a run while the next are being sampled: half a million tokens take seconds to write."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def write(self, step: int, scored: Sequence[ScoredGroup], show: int) -> None:
        """Begins to write. What went wrong the last time is raised now."""
        self.flush()
        self._last = self._pool.submit(write, self.run, step, scored, show)

    def flush(self) -> None:
        """Waits until everything is written."""
        if self._last is not None:
            self._last.result()


def write(run: Path, step: int, scored: Sequence[ScoredGroup], show: int) -> None:
    """Writes rollouts/step-NNNNNN.jsonl, one line per completion, and the first `show` groups to step-NNNNNN.txt."""
    base = run / "rollouts" / f"step-{step:06d}"
    rows = [row for group in scored for row in _rows(group)]
    base.with_suffix(".jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _keep_ungradable(run / "ungradable.jsonl", step, [row for row in rows if row["verdict"] is Verdict.UNGRADABLE])
    base.with_suffix(".txt").write_text("\n".join(_readable(group) for group in scored[:show]))


def write_heldout(run: Path, step: int, scored: Sequence[ScoredGroup]) -> None:
    """Writes rollouts/heldout-NNNNNN.txt: after each evaluation the same problems, so that one sees what was learnt."""
    path = run / "rollouts" / f"heldout-{step:06d}.txt"
    path.write_text("\n".join(_readable(group) for group in scored))


def _keep_ungradable(path: Path, step: int, rows: Sequence[dict[str, object]]) -> None:
    """Appends the first offenders of a run, up to KEPT: enough to mend a reward or a gold answer."""
    if not rows:
        return
    room = KEPT - (path.read_text().count("\n") if path.exists() else 0)
    with open(path, "a") as file:
        file.writelines(json.dumps({"step": step} | row) + "\n" for row in rows[: max(0, room)])


def _rows(scored: ScoredGroup) -> Iterator[dict[str, object]]:
    group = scored.group
    for completion, text, score in zip(group.completions_G, scored.texts_G, scored.scores_G, strict=True):
        yield {
            "problem": group.problem.id,
            "question": group.problem.question,
            "gold": group.problem.gold,
            "completion": text,
            "verdict": score.verdict,
            "reward": score.value,
            "parts": dict(score.parts),
            "detail": score.detail,
            "finish": completion.finish,
            "version": completion.version,
            "token_ids": completion.token_ids_T,
            "logprobs": [round(x, 5) for x in completion.logprobs_T],
        }


def _readable(scored: ScoredGroup) -> str:
    problem = scored.group.problem
    lines = [f"{problem.question}   gold: {problem.gold}   ({problem.id})"]
    for text, score in zip(scored.texts_G, scored.scores_G, strict=True):
        reason = f"   [{score.detail}]" if score.detail else ""
        lines.append(f"  {score.value:+.2f} {score.verdict:<10} {text!r}{reason}")
    return "\n".join(lines) + "\n"
