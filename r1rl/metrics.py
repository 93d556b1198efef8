"""What a run measures. Keys are room/quantity/stat; metrics.jsonl is the truth, TensorBoard a sink."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from r1rl.types import Sample, Score, ScoredGroup, Verdict


def of_rollouts(scored: Sequence[ScoredGroup], flat: Sequence[bool]) -> dict[str, float]:
    """Numbers about one step's completions and their scores.

    Args:
        flat: for each group, whether all its rewards are equal, so that it teaches nothing.
    """
    completions = [c for s in scored for c in s.group.completions_G]
    scores = [score for s in scored for score in s.scores_G]
    graded = [score for score in scores if score.verdict is not Verdict.UNGRADABLE]
    verdicts = Counter(score.verdict for score in scores)
    lengths = [len(c.token_ids_T) for c in completions]
    numbers = {
        "rollout/tokens/mean": _mean(lengths),
        "rollout/tokens/max": float(max(lengths)),
        "rollout/truncated/frac": _mean([c.finish == "length" for c in completions]),
        "reward/value/mean": _mean([score.value for score in graded]),
        "reward/correct/mean": verdicts[Verdict.CORRECT] / max(1, len(graded)),
        "reward/no_answer/frac": verdicts[Verdict.NO_ANSWER] / len(scores),
        "reward/ungradable/frac": verdicts[Verdict.UNGRADABLE] / len(scores),
        "advantage/flat_groups/frac": _mean(flat),
    }
    return numbers | {f"reward/{name}": value for name, value in of_parts(graded).items()}


def of_parts(graded: Sequence[Score]) -> dict[str, float]:
    """The mean of each part of the reward, those that weigh nothing included: "number:correct/mean" and so on."""
    names = graded[0].parts if graded else ()
    return {f"{name.rsplit('/', 1)[-1]}/mean": _mean([score.parts[name] for score in graded]) for name in names}


def of_advantages(samples: Sequence[Sample]) -> dict[str, float]:
    """The mean over tokens: of a teacher's advantages it is minus the reverse KL per token, in nats."""
    return {"advantage/mean": _mean([a for sample in samples for a in sample.advantages_T])}


def of_canaries(scored: Sequence[ScoredGroup]) -> dict[str, float]:
    """The share of answers to unsolvable problems that were judged right; nothing in a step without such problems."""
    right = [score.verdict is Verdict.CORRECT for s in scored for score in s.scores_G]
    return {"reward/canary/mean": _mean(right)} if right else {}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


class MetricLog:
    """Appends one line per step to metrics.jsonl and to TensorBoard's event files."""

    def __init__(self, folder: Path, keep_steps: int) -> None:
        """Opens the log of a run folder, dropping lines after step `keep_steps`: a resumed run writes them again."""
        from tensorboardX import SummaryWriter

        self.path = folder / "metrics.jsonl"
        kept = [row for row in read(folder) if row["step"] <= keep_steps]
        partial = self.path.with_suffix(".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in kept))
        partial.replace(self.path)
        self._events = SummaryWriter(str(folder / "events"), purge_step=keep_steps + 1)

    def write(self, step: int, numbers: Mapping[str, float]) -> None:
        with open(self.path, "a") as file:
            row = {"step": step} | {key: float(f"{value:.8g}") for key, value in numbers.items()}
            file.write(json.dumps(row) + "\n")
        for key, value in numbers.items():
            self._events.add_scalar(key, value, step)

    def close(self) -> None:
        self._events.close()


def read(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.jsonl. A last line cut off by a crash is dropped."""
    path = folder / "metrics.jsonl"
    rows = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def elapsed(folder: Path) -> float:
    """Seconds that the steps of a run have taken so far, over all its starts."""
    return max((row.get("time/elapsed", 0.0) for row in read(folder)), default=0.0)
