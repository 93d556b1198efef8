"""The state of a training as torch.distributed.checkpoint writes it: each rank its shards, for any number of ranks."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import FileSystemReader

from r1rl.errors import UserError

FOLDER = "trainer"  # beside the weights of a checkpoint


def exists(folder: Path) -> bool:
    """Whether a policy's folder says how its training stood."""
    return (folder / FOLDER / ".metadata").is_file()


def holds(folder: Path, part: str) -> bool:
    """Whether the state has such a part ("reference")."""
    metadata = FileSystemReader(folder / FOLDER).read_metadata()
    return any(key.startswith(f"{part}.") for key in metadata.state_dict_metadata)


def require_kind(folder: Path, kind: str, alone: bool) -> None:
    """Raises UserError when the state is of a training with another optimizer or other adapters."""
    found = load(folder, {"kind": ""}, alone)["kind"]
    if found != kind:
        raise UserError(
            f"{folder} holds the state of a training of {found}, this is one of {kind}",
            "one cannot go on from the other",
            f"change learner.optimizer and learner.lora, or remove {folder / FOLDER} to start from its weights alone",
        )


def save(folder: Path, parts: dict[str, Any], alone: bool) -> None:
    """Writes nested dicts of tensors and numbers; all ranks call it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about being alone
        dcp.save(parts, checkpoint_id=folder / FOLDER, no_dist=alone)


def load(folder: Path, parts: dict[str, Any], alone: bool) -> dict[str, Any]:
    """Reads into the tensors of `parts`, in place; returns it with its numbers replaced. All ranks call it.

    The state must have all these parts; how many ranks wrote it does not matter.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.load(parts, checkpoint_id=folder / FOLDER, no_dist=alone)
    return parts
