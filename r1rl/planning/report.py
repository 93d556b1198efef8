"""A plan on the terminal: the answer on one screen, the bottleneck by name, details below."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from r1rl.errors import UserError
from r1rl.planning import cost, published, suggest, waste
from r1rl.planning.cost import Assumptions
from r1rl.planning.plan import GIB, Plan

SECONDS_FROM = 60


def show(
    console: Console,
    name: str,
    p: Plan,
    better: Plan | None,
    broken: Sequence[UserError],
    guess: str,
    how: Assumptions,
) -> None:
    """Prints a plan.

    Args:
        better: the suggested layout, on more cards where nothing fits on these; None when nothing fits anywhere.
        broken: rules that the recipe breaks.
        guess: what was assumed about lengths.
    """
    parts: list[str | Table] = [
        _headline(name, p),
        *([_illegal(broken)] if broken else []),
        _suggestion(p, better),
        "",
        _policy(p),
        _memory(p),
        _time(p, how),
        _waste(p),
        *published.lines(p),
        f"[dim]{escape(guess)}[/]",
    ]
    console.print(Group(*parts), highlight=False)


def _headline(name: str, p: Plan) -> str:
    full = f"{p.fullest / GIB:.1f} of {p.card.memory_gib:.0f} GiB"
    verdict = f"fits ({full} on the fullest card)" if p.fits else f"[bold red]does not fit[/]: {full} on a card"
    cards = "this machine" if not p.card.on_gpu else f"{p.layout.cards} x {p.card.name}"
    price = f", {p.gpu_hours:,.1f} GPU-hours" if p.card.on_gpu else f", {p.gpu_hours:,.1f} hours"
    unused = p.layout.unused
    cards += f", {unused} of them unused" if unused and p.card.on_gpu else ""
    return (
        f"[bold]{escape(name)}[/] on {cards} ({p.layout.name}): {verdict}\n"
        f"[bold]{_seconds(p.step_s)} a step{price}[/] for {p.job.steps:,} steps of {p.job.work.samples:,} answers\n"
        f"bottleneck: {_bottleneck(p)}"
    )


def _bottleneck(p: Plan) -> str:
    stages = {"sampling": p.sampling.seconds, "learning": p.learning.seconds, "the weight sync": p.sync_s}
    stage = max(stages, key=stages.__getitem__)
    reason = {"sampling": _sampling_bound(p), "learning": _learning_bound(p), "the weight sync": "its bytes"}[stage]
    return f"{stage}, {stages[stage] / p.step_s:.0%} of a step, bound by {reason}"


def _sampling_bound(p: Plan) -> str:
    sequences = -(-p.job.work.samples // p.layout.workers)
    if p.held < sequences / 2:
        return f"the KV cache: it holds {p.held:,} of an engine's {sequences:,} sequences (rollout.memory_gib)"
    if p.sampling.host_s > p.sampling.seconds / 2:
        return "the host's work for each sequence and token, not by the card"
    return "reading weights and KV cache from memory"


def _learning_bound(p: Plan) -> str:
    if p.learning.network_s > p.learning.compute_s:
        return "the network: every rank gathers all weights for every micro-batch (more tokens in one help)"
    return "the learner's arithmetic"


def _illegal(broken: Sequence[UserError]) -> str:
    lines = [f"  {escape(error.what)}\n    do: {escape(error.instead)}" for error in broken]
    return "[bold yellow]breaks rules:[/]\n" + "\n".join(lines)


def _suggestion(p: Plan, better: Plan | None) -> str:
    if better is None:
        return f"[yellow]nothing fits, whatever the settings, on up to {suggest.MOST:,} cards[/]"
    gain = p.step_s / better.step_s
    if p.fits and gain < 1.05:
        return "no other layout of these cards is faster"
    cards = f"{better.layout.cards} x {better.card.name}"
    if better.layout.cards > p.layout.cards:
        cards += " (on fewer nothing fits, whatever the settings)"
    split = "\n  an engine over several cards is arithmetic only: r1rl gives an engine one GPU"
    return (
        f"suggested on {cards}: {better.layout.name}, {_seconds(better.step_s)} a step, "
        f"{better.gpu_hours:,.1f} GPU-hours, {better.fullest / GIB:.1f} GiB on the fullest card\n"
        f"  {' '.join(settings(better))}" + (split if better.layout.split > 1 else "")
    )


def settings(p: Plan) -> list[str]:
    """The recipe's keys that say this plan."""
    keys = [
        f"learner.ranks={p.layout.ranks}",
        f"rollout.workers={p.layout.workers}",
        f"rollout.memory_gib={p.job.cache_gib:g}",
    ]
    if p.job.work.recompute:
        keys.append("learner.checkpointing=true")
    if p.job.learner.masters_on_host:
        keys.append("learner.optimizer=adamw_cpu")
    elif p.job.learner.state_bytes == 2:
        keys.append("learner.optimizer=adamw_8bit")
    return keys


def _policy(p: Plan) -> Table:
    parameters, a = p.job.parameters, p.job.architecture
    table = _table("parameters", "", "")
    table.add_row("total", count(parameters.total), f"{a.family}, {a.layers} layers of width {a.width:,}")
    table.add_row("active per token", count(parameters.active), "what a token is multiplied with")
    for part, size in parameters.parts.items():
        table.add_row(f"  {part}", count(size), f"{size / parameters.total:.0%}")
    if p.job.learner.trained is not None:
        table.add_row("trained", count(p.job.learner.trained), "adapters")
    return table


def _memory(p: Plan) -> Table:
    table = _table("memory", "learner rank", "sampling engine", "host")
    names = dict.fromkeys([*p.rank.card, *p.engine.card, *p.rank.host])
    for name in names:
        cells = (p.rank.card, p.engine.card, p.rank.host)
        table.add_row(name, *(gib(column.get(name)) for column in cells))
    sums = (p.rank.on_card, p.engine.on_card, p.rank.on_host)
    table.add_row("[bold]sum[/]", *(f"[bold]{gib(size)}[/]" for size in sums))
    w = p.job.work
    sequences = -(-w.samples // p.layout.workers)
    table.add_row("KV cache holds", "", f"{p.held:,} seqs", f"of {sequences:,} wanted")
    return table


def _time(p: Plan, how: Assumptions) -> Table:
    w, a = p.job.work, p.job.architecture
    table = _table("a step", "seconds", "", "")
    rate = w.samples * w.answer / p.sampling.seconds / p.layout.cards
    bound = p.sampling.read_s / p.sampling.seconds
    table.add_row(
        "sampling", _number(p.sampling.seconds), f"{rate:,.0f} tokens/s per card", f"{bound:.0%} of the bandwidth bound"
    )
    rate = w.tokens / p.learning.seconds / p.layout.ranks
    share = cost.mfu(a, p.card, how)
    at = f"MFU {share:.1%} assumed" if p.card.on_gpu else f"{1000 * p.card.tflops:.0f} GFLOP/s assumed"
    table.add_row("learning", _number(p.learning.seconds), f"{rate:,.0f} tokens/s per rank", at)
    if p.layout.ranks > 1:
        table.add_row("  its network", _number(p.learning.network_s), "", "overlaps with arithmetic")
    size = cost.sync_bytes(p.job.parameters, p.job.weight_bytes)
    far = "r1rl's wire is one host's shared memory" if p.layout.cards > cost.HOST_CARDS else ""
    table.add_row("weight sync", _number(p.sync_s), f"{gib(size)} to each engine", far)
    return table


def _waste(p: Plan) -> Table:
    table = _table("wasted", "of a step")
    for share, what in waste.found(p):
        table.add_row(share, what)
    table.add_row("?", f"groups all right or all wrong, of everything: {waste.flat_groups(p)}")
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def count(number: float) -> str:
    """
    >>> count(671_026_404_352), count(134_515_008), count(1_500)
    ('671B', '135M', '1.5k')
    """
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.0f}{letter}" if value >= 100 else f"{value:.3g}{letter}"
    return f"{number:.0f}"


def gib(size: float | None) -> str:
    """
    >>> gib(None), gib(3 * 2**30), gib(5 * 2**20)
    ('', '3.0 GiB', '5.0 MiB')
    """
    if size is None:
        return ""
    return f"{size / GIB:,.1f} GiB" if size >= GIB / 10 else f"{size / 2**20:.1f} MiB"


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)} s" if seconds < 10 * SECONDS_FROM else f"{seconds / 60:,.0f} min"


def _number(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds < 10 else f"{seconds:,.0f}"
