"""r1rl init-policy and check-policy: a new policy from a named size, and whether a folder is a policy at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from r1rl import sizes
from r1rl.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

console = Console(soft_wrap=True)


def init_policy(
    size: Annotated[str, typer.Argument(help=f"One of {', '.join(sizes.names())}.")],
    out: Annotated[Path, typer.Argument(help="The folder to write; there must be none yet.")],
    tokenizer: Annotated[Path | None, typer.Option(help="A folder whose tokenizer the policy gets.")] = None,
    data: Annotated[str, typer.Option(help="Else: whose worked answers a new tokenizer is trained on.")] = "addition",
    max_length: Annotated[int, typer.Option(min=8, help="Tokens of prompt plus completion.")] = 256,
    dtype: Annotated[str, typer.Option(help="float32 or bfloat16.")] = "float32",
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Make a policy with random weights and a tokenizer; the largest sizes as a configuration only."""
    shape = sizes.get(size)
    if dtype not in {"float32", "bfloat16"}:
        raise UserError(f"there is no dtype `{dtype}` for weights", "vLLM loads them as they are", "write float32")
    with _new(out) as folder:
        if shape.with_weights:
            _write(size, folder, _tokenizer(tokenizer, data, seed), max_length, dtype, seed)
        else:
            _configure(size, folder, tokenizer)
    console.print(_describe(size, out, weights=shape.with_weights), highlight=False, markup=False)


def check_policy(folder: Annotated[Path, typer.Argument(help="A Hugging Face folder.")]) -> None:
    """Check that transformers can train and vLLM can serve a folder; no weight is read. Exit code 1 if not."""
    from r1rl.policy.check import check

    found = check(folder)
    for finding in found:
        text = f"{finding.what}\n  why:  {finding.why}\n  do:   {finding.instead}"
        console.print(text, highlight=False, markup=False)
    if found:
        raise typer.Exit(1)
    console.print(f"{folder}: fine; {_counts(folder)}", highlight=False, markup=False)


@contextmanager
def _new(out: Path) -> Iterator[Path]:
    """A folder to fill that becomes `out` when that went well."""
    if out.exists():
        raise UserError(f"{out} exists", "a policy is never overwritten", "name another folder, or remove it yourself")
    partial = out.with_name(f"{out.name}.partial-{os.getpid()}")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _tokenizer(folder: Path | None, data: str, seed: int) -> PreTrainedTokenizerFast:
    from r1rl import chat
    from r1rl.policy import tokenizer
    from r1rl.stream import open_source
    from r1rl.warmup import texts

    if folder is None:
        return tokenizer.train(texts(open_source(data, seed, {})), chat.pieces("")[0])
    loaded: Any = chat.load_tokenizer(folder)
    return loaded


def _write(size: str, folder: Path, tokenizer: PreTrainedTokenizerFast, max_length: int, dtype: str, seed: int) -> None:
    from r1rl.policy import init
    from r1rl.policy import model as policy_model

    model = init.make(size, tokenizer, max_length, seed)
    policy_model.save(model, policy_model.named_dtype(dtype), folder)
    tokenizer.save_pretrained(folder)


def _configure(size: str, folder: Path, tokenizer: Path | None) -> None:
    from r1rl import chat
    from r1rl.policy import init

    own: Any = chat.load_tokenizer(tokenizer) if tokenizer else None
    config = init.config(size, len(own) if own else None, None, own.eos_token_id if own else None)
    config.architectures = ["DeepseekV3ForCausalLM"]
    config.save_pretrained(folder)
    if own:
        own.save_pretrained(folder)


def _describe(size: str, folder: Path, *, weights: bool) -> str:
    what = "" if weights else " (configuration only: no weights were made)"
    return f"{folder}: {size}, {_counts(folder)}{what}"


def _counts(folder: Path) -> str:
    from r1rl.policy.layout import parameters

    found = parameters(json.loads((folder / "config.json").read_text()))
    more = f", {found.mtp / 1e6:,.1f} million of multi-token prediction" if found.mtp else ""
    return f"{found.total / 1e6:,.1f} million parameters, {found.active / 1e6:,.1f} active for a token{more}"
