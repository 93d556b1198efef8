"""Rows from the Hugging Face hub, as they are there. The only file that imports `datasets`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1rl.corpus.definition import Hub, Row
from r1rl.errors import UserError
from r1rl.network import spare_the_hub


def rows(name: str, hub: Hub) -> Iterator[Row]:
    """All rows. Raises UserError, naming both places that a set can come from, where it cannot be had."""
    spare_the_hub()
    try:
        yield from _files(hub) if hub.files else _tables(hub)
    except (OSError, ValueError, RuntimeError, ImportError) as error:  # what the hub's client and its parsers raise
        said = str(error).strip().partition("\n")[0]
        raise missing(name, hub, f"{type(error).__name__}: {said}") from error


def missing(name: str, hub: Hub | None, why: str) -> UserError:
    """The error about a set that is in neither place."""
    gated = f" (it is gated: accept its terms at huggingface.co/datasets/{hub.repo} and log in)" if hub else ""
    online = f"go online to load it from the hub, {hub.where}{gated if hub and hub.gated else ''}; or " if hub else ""
    return UserError(
        f"the data set {name} is not here: {why}",
        "its questions are not part of r1rl",
        f"{online}set R1RL_DATA to a folder with {name}'s file and a MANIFEST.json, as data/README.md says",
    )


def _tables(hub: Hub) -> Iterator[Row]:
    from datasets import load_dataset

    for config in hub.configs or (None,):
        for row in load_dataset(hub.repo, config, split=hub.split, revision=hub.revision):
            # Which subject a row of MATH is about stands in the name of its config, and nowhere else.
            yield row if config is None else {"config": config, **row}


def _files(hub: Hub) -> Iterator[Row]:
    from huggingface_hub import hf_hub_download

    for file in hub.files:
        path = hf_hub_download(hub.repo, file, repo_type="dataset", revision=hub.revision)
        yield from records(Path(path))


def records(path: Path) -> Iterator[Any]:
    """The records of a file of JSON (one list) or JSON Lines."""
    with open(path, encoding="utf-8") as file:
        if path.suffix == ".json":
            yield from json.load(file)
        else:
            yield from (json.loads(line) for line in file if line.strip())
