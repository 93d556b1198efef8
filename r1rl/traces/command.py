"""r1rl reject: of sampled traces those worth learning from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def reject(
    traces: Annotated[Path, typer.Argument(help="A folder that `r1rl sample` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder of the traces that are kept.")],
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="key=value, may be repeated: correct, format, language, min_consistency, max_repetition, "
            "max_tokens, max_paragraph, code_blocks, per_problem, against."
        ),
    ] = None,
    deadline: Annotated[float, typer.Option(min=0.1, help="Wall seconds to read one trace.")] = 10.0,
) -> None:
    """Keep what is correct, readable, new, not too long and in no benchmark; say what was dropped and why."""
    from r1rl import provenance
    from r1rl.recipe.load import from_overrides
    from r1rl.traces import reject as module
    from r1rl.traces.rules import Rules

    rules = from_overrides(Rules, rule or [], "--rule")
    module.require_free(traces, out)
    report = module.reject(traces, rules, out, len(os.sched_getaffinity(0)), deadline)
    provenance.write(out, module.lineage(traces, rules, out, report))
    console = Console(soft_wrap=True)
    console.print(report.table())
    console.print(f"{report.kept} traces, {report.tokens:,} tokens, written to {out}", highlight=False)
