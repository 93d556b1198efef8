"""What a person sees while a run goes on, and at its end: progress, a table, a plot."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from r1rl import metrics
from r1rl.cluster import Hardware
from r1rl.evaluate import HELDOUT, Accuracy
from r1rl.recipe import Recipe
from r1rl.run import Run, write_atomically

NUMBERS = (  # those that matter, of which a run has some
    ("reward", "reward/value/mean", "{:.2f}"),
    ("right", "reward/correct/mean", "{:.0%}"),
    ("tokens", "rollout/tokens/mean", "{:.0f}"),
    ("gap", "learner/gap/mean", "{:.1e}"),
    ("epoch", "lessons/epoch", "{:.2f}"),
    ("loss", "validation/nll/mean", "{:.3f}"),
    ("s/step", "time/step", "{:.1f}"),
)


class Report:
    """Live progress on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console, recipe: Recipe, run: Run) -> None:
        self.console, self.recipe, self.run = console, recipe, run
        self.start = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
            transient=True,
        )
        self._tasks: dict[str, object] = {}

    def __enter__(self) -> Report:
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self.console.print(f"[dim]{time.monotonic() - self.start:5.0f} s[/]  {text}", highlight=False)

    def machine(self, hw: Hardware) -> None:
        place = f"{hw.gpus} GPU(s)" if hw.gpus else f"{hw.threads} CPU threads"
        rollout = self.recipe.rollout
        transport = hw.transport(self.recipe.learner.ranks, rollout.workers, rollout.transport)
        self.say(
            f"{self.recipe.name}, seed {self.recipe.seed}: {place}, {hw.dtype}, weights through {transport}; "
            f"everything goes to {self.run.folder}"
        )

    def warmup(self, update: int, loss: float) -> None:
        total = self.recipe.warmup.steps if self.recipe.warmup else update
        self._advance("warm-up", update, total, f"{loss:.3f} nats per token")

    def step(self, step: int, numbers: Mapping[str, float]) -> None:
        text = "  ".join(f"{label} {form.format(numbers[key])}" for label, key, form in NUMBERS if key in numbers)
        self._advance("step", step, self.recipe.train.steps, text)
        if numbers.get("reward/canary/mean"):
            self.say(
                f"[red]step {step}: {numbers['reward/canary/mean']:.0%} of the answers to unsolvable problems were "
                f"judged right: the reward is being fooled; see {self.run.folder}/rollouts/step-{step:06d}.jsonl[/]"
            )

    def accuracy(self, name: str, step: int, found: Accuracy) -> None:
        place = "held-out" if name == HELDOUT else name
        self.say(f"{place} accuracy after step {step}: {percent(found)}")

    def finish(self) -> None:
        """Table, plot and result.json of a finished run."""
        from r1rl.plot import curves

        self._progress.stop()
        rows = metrics.read(self.run.folder)
        before, after = rows[0], rows[-1]
        curves(self.run.folder, self.recipe.name)
        result = {
            "eval": {"before": _interval(before), "after": _interval(after)},
            "seconds": round(time.monotonic() - self.start, 1),
            "steps": int(after["step"]),
            "seed": self.recipe.seed,
        }
        write_atomically(self.run.folder / "result.json", json.dumps(result, indent=1))
        self.console.print(_table(before, after))
        self._warn_about_base(before)
        self.console.print(_where(self.run.folder), highlight=False)

    def _advance(self, name: str, done: int, total: int, numbers: str) -> None:
        if not self.console.is_terminal:
            if done == 1 or done % 10 == 0 or done == total:
                self.say(f"{name} {done}/{total}  {numbers}")
            return
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, numbers="")
        self._progress.update(self._tasks[name], completed=done, numbers=numbers)  # type: ignore[arg-type]

    def _warn_about_base(self, before: Mapping[str, float]) -> None:
        warmup = self.recipe.warmup
        if warmup and not warmup.low <= before["eval/accuracy"] <= warmup.high:
            self.console.print(
                f"[yellow]The base was right {before['eval/accuracy']:.0%} of the time, outside warmup.low and "
                f"warmup.high ({warmup.low:.0%} to {warmup.high:.0%}): change warmup.steps for a fair picture.[/]"
            )


def percent(found: Accuracy) -> str:
    return f"{found.accuracy:.1%} (95% interval {found.low:.1%} to {found.high:.1%}, n = {found.n})"


def _interval(row: Mapping[str, float]) -> dict[str, float]:
    return {key: row[f"eval/{key}"] for key in ("accuracy", "low", "high")} | {"n": int(row["eval/n"])}


def _table(before: Mapping[str, float], after: Mapping[str, float]) -> Table:
    table = Table(title=f"Held-out problems, {int(after['eval/n'])} never trained on, one sampled answer each")
    for column in ("", "accuracy", "95% interval", "tokens per answer"):
        table.add_column(column, justify="left" if not column else "right")
    for name, row in (("before", before), (f"after {int(after['step'])} steps", after)):
        interval = f"{row['eval/low']:.1%} to {row['eval/high']:.1%}"
        table.add_row(name, f"{row['eval/accuracy']:.1%}", interval, f"{row['eval/tokens']:.1f}")
    return table


def _where(folder: Path) -> str:
    names = {
        "curves": "curves.png",
        "result": "result.json",
        "metrics": "metrics.jsonl",
        "rollouts": "rollouts/",
        "checkpoints": "checkpoints/",
        "logs": "logs/",
    }
    return "\n".join(f"  {label:<12} {folder / name}" for label, name in names.items())
