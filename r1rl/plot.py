"""The curves of a run as one picture."""

from __future__ import annotations

from pathlib import Path

from r1rl import metrics

PANELS = (
    ("reward/correct/mean", "right answers in rollouts", "share"),
    ("rollout/tokens/mean", "length of an answer", "tokens"),
    ("learner/entropy/mean", "entropy of the policy", "nats per token"),
    ("learner/gap/mean", "sampler against learner", "nats per token"),
)


def curves(folder: Path, title: str) -> Path:
    """Writes curves.png from metrics.jsonl and returns its path."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = metrics.read(folder)
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
    for axis, (key, name, unit) in zip(axes.flat, PANELS, strict=True):
        kept = [row for row in rows if key in row]
        axis.plot([row["step"] for row in kept], [row[key] for row in kept], color="#1f5fa8", linewidth=1.5)
        axis.set(title=name, xlabel="step", ylabel=unit)
        axis.grid(alpha=0.25)
    evals = [row for row in rows if "eval/accuracy" in row]
    middle = [row["eval/accuracy"] for row in evals]
    spread = [
        [m - row["eval/low"] for m, row in zip(middle, evals, strict=True)],
        [row["eval/high"] - m for m, row in zip(middle, evals, strict=True)],
    ]
    first = axes.flat[0]
    first.errorbar(
        [row["step"] for row in evals], middle, yerr=spread, fmt="o", color="#c0392b", capsize=3, label="held out, 95%"
    )
    first.set_ylim(0, 1)
    first.legend(loc="lower right")
    figure.suptitle(title)
    path = folder / "curves.png"
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
