"""The rollouts of a step: all of them as JSONL, a few as text a person reads, and what could not be graded.

Beside them the first answers of each evaluation on held-out problems.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from r1rl.errors import RunError
from r1rl.types import ScoredGroup, Verdict

KEPT = 100  # ungradable answers


class Writer:
    """Writes the rollouts of a run while the next are being sampled, in a process of its own.

    Half a million tokens take seconds to write. A thread would take them from whatever the GPU waits for: Python's lock
    goes back and forth with every prompt that is made.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self._process = subprocess.Popen(
            [sys.executable, "-m", "r1rl.transcript"],  # ends when its input does, however this process ends
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # Ctrl-C is the driver's business
        )
        self._busy = False

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._process.communicate()  # it ends what it has begun

    def write(self, step: int, scored: Sequence[ScoredGroup], show: int) -> None:
        """Begins to write. What went wrong the last time is raised now."""
        self.flush()
        assert self._process.stdin is not None
        with _its_end_is_ours():
            pickle.dump((self.run, step, [_without_routes(group) for group in scored], show), self._process.stdin)
            self._process.stdin.flush()
        self._busy = True

    def flush(self) -> None:
        """Waits until everything is written. Raises what went wrong: OSError, or RunError for a process that died."""
        if self._busy:
            self._busy = False
            assert self._process.stdout is not None
            with _its_end_is_ours():
                error = pickle.load(self._process.stdout)
            if error is not None:
                raise error


@contextmanager
def _its_end_is_ours() -> Iterator[None]:
    try:
        yield
    except (EOFError, pickle.UnpicklingError, BrokenPipeError) as error:
        raise RunError(
            "the process that writes rollouts has died",
            "what the policy answered would be lost from here on",
            "go on with the same command and --resume; if it was killed for memory, sample fewer answers a step",
        ) from error


def main() -> None:
    """What a Writer starts: (run, step, scored, show) come in, None or an exception goes out for each."""
    while True:
        try:
            told = pickle.load(sys.stdin.buffer)
        except (EOFError, pickle.UnpicklingError):  # nothing more, or cut off
            return
        error = None
        try:
            write(*told)
        except (OSError, ValueError) as found:
            error = found
        pickle.dump(error, sys.stdout.buffer)
        sys.stdout.flush()


def _without_routes(scored: ScoredGroup) -> ScoredGroup:
    """Which experts a sampler chose is not written, and would be most of what is sent."""
    group = scored.group
    if all(c.routes is None for c in group.completions_G):
        return scored
    completions_G = tuple(replace(c, routes=None) for c in group.completions_G)
    return replace(scored, group=replace(group, completions_G=completions_G))


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
            "token_ids": list(completion.token_ids_T),
            "logprobs": [round(x, 5) for x in completion.logprobs_T],
        }


def _readable(scored: ScoredGroup) -> str:
    problem = scored.group.problem
    lines = [f"{problem.question}   gold: {problem.gold}   ({problem.id})"]
    for text, score in zip(scored.texts_G, scored.scores_G, strict=True):
        reason = f"   [{score.detail}]" if score.detail else ""
        lines.append(f"  {score.value:+.2f} {score.verdict:<10} {text!r}{reason}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
