"""A model card, the README.md of a folder: what a checkpoint is, where it comes from, what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from r1rl import catalogue
from r1rl.evaluation.report import between, points
from r1rl.evaluation.results import Results

Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that a card says.

    >>> Card(
    ...     name="tiny-r1", parent="org/base", licence="apache-2.0", architecture="llama", lineage=(("step", "40"),),
    ...     heldout=(), results=(), prompt="{question}", recipe="",
    ... ).parent
    'org/base'
    """

    name: str
    parent: str | None  # a hub id where it is known as one
    licence: str | None
    architecture: str
    lineage: Rows  # what, and what it was
    heldout: Sequence[Mapping[str, float]]  # rows of metrics.jsonl with an evaluation, up to this checkpoint
    results: Sequence[Results]
    prompt: str | None  # how questions were put in training; None: not known
    recipe: str  # YAML; empty for a policy that no run has made


def markdown(card: Card) -> str:
    """The card as Markdown with the hub's front matter."""
    front = yaml.safe_dump(_front(card), sort_keys=False, allow_unicode=True, width=120)
    parts = [f"---\n{front}---\n\n# {card.name}", _intro(card)]
    if card.results:
        parts += ["## Evaluation", _evaluations(card.results)]
    if card.heldout:
        parts += ["## Held-out problems during training", _heldout(card.heldout)]
    parts += ["## Lineage", _table(("", ""), card.lineage)]
    if card.prompt:
        parts += ["## Prompt", "A question stands in the place of `{question}`:", _fenced(card.prompt, "text")]
    if card.recipe:
        parts += ["## Recipe", _fenced(card.recipe, "yaml")]
    return "\n\n".join(parts) + "\n"


def _front(card: Card) -> dict[str, Any]:
    front: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if card.licence:
        front["license"] = card.licence
    if card.parent:
        front["base_model"] = card.parent
    front["tags"] = ["r1rl", "reasoning", *(["reinforcement-learning"] if card.recipe else [])]
    if card.results:
        front["model-index"] = [{"name": card.name, "results": [_indexed(found) for found in card.results]}]
    return front


def _indexed(found: Results) -> dict[str, Any]:
    """A result in the form that the hub reads."""
    known = catalogue.corpora().get(found.suite)
    kind = known.hub.repo if known and known.hub else found.suite
    values = {f"avg@{found.k}": found.average, f"lenient@{found.k}": found.lenient}
    return {
        "task": {"type": "text-generation"},
        "dataset": {"name": known.title if known else found.suite, "type": kind},
        "metrics": [
            {"type": "pass@1", "name": name, "value": round(100 * value, 2)}
            for name, value in values.items()
            if value is not None
        ],
    }


def _intro(card: Card) -> str:
    made = "Trained by reinforcement learning on rewards that can be checked" if card.recipe else "Exported unchanged"
    return f"{made}; a {card.architecture} model as a plain Hugging Face folder for transformers and vLLM."


def _evaluations(results: Sequence[Results]) -> str:
    header = (
        "suite",
        "problems",
        "",
        "points",
        "95% over problems",
        "95% sampling only",
        "lenient",
        "truncated",
        "how",
    )
    rows = []
    for found in results:
        sampling = found.defined_by.sampling
        how = f"{found.defined_by.template}, T={sampling.temperature:g}, top-p {sampling.top_p:g}"
        spread = (between(found.interval("over_problems")), between(found.interval("sampling")))
        shares = (points(found.lenient), points(found.rates["truncated"]))
        numbers = (str(found.n), f"avg@{found.k}", points(found.average), *spread, *shares)
        rows.append((found.suite, *numbers, f"{how}, {sampling.max_tokens} tokens, {found.defined_by.dtype}"))
    notes = (
        "Strictly read, an answer counts only in `\\boxed{}` or the answer tags; leniently, wherever it stands. "
        f"Judged by `{results[0].defined_by.verifier}`. Digests of problems and prompts are in results/."
    )
    return f"{_table(header, rows)}\n\n{notes}"


def _heldout(rows: Sequence[Mapping[str, float]]) -> str:
    told = []
    for row in rows:
        places = [key.removesuffix("/accuracy") for key in row if key.startswith("eval") and key.endswith("/accuracy")]
        for place in places:
            name = place.removeprefix("eval/") if place != "eval" else "held out"
            interval = f"{100 * row[f'{place}/low']:.1f} to {100 * row[f'{place}/high']:.1f}"
            told.append(
                (str(int(row["step"])), name, str(int(row[f"{place}/n"])), points(row[f"{place}/accuracy"]), interval)
            )
    return _table(("step", "problems", "n", "points", "95%"), told)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _fenced(text: str, language: str) -> str:
    return f"````{language}\n{text.rstrip()}\n````"
