"""What a checkpoint says about itself: config.json, and the headers of its safetensors. No torch, no weight is read."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1rl.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A tensor as a safetensors header tells of it.

    >>> Stored(dtype="BF16", shape=(129280, 7168)).dtype
    'BF16'
    """

    dtype: str
    shape: tuple[int, ...]


def read_config(folder: Path) -> dict[str, Any]:
    """config.json. Raises UserError when there is none or it is no JSON object."""
    try:
        return dict(json.loads((folder / "config.json").read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{folder} has no readable config.json: {error}",
            "a policy is a Hugging Face folder: config.json, weights and tokenizer",
            "give the folder that save_pretrained wrote",
        ) from error


def read_headers(folder: Path) -> dict[str, Stored]:
    """Every tensor of the folder's safetensors. Raises UserError for a file that is cut off, missing or none."""
    index = folder / "model.safetensors.index.json"
    files = sorted(set(json.loads(index.read_text())["weight_map"].values())) if index.is_file() else []
    found: dict[str, Stored] = {}
    for name in files or ["model.safetensors"]:
        found |= _header(folder / name)
    return found


def _header(file: Path) -> dict[str, Stored]:
    try:
        with file.open("rb") as opened:
            (size,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(min(size, 2**27)))
        tensors = {name: slot for name, slot in header.items() if name != "__metadata__"}
        end = max((slot["data_offsets"][1] for slot in tensors.values()), default=0)
        short = 8 + size + end - file.stat().st_size
    except (OSError, ValueError, struct.error, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is no readable safetensors file: {error}",
            "the policy's weights are in it",
            "fetch or save it again",
        ) from error
    if short > 0:
        raise UserError(f"{file} is cut off: {short} bytes are missing", "a download ended early", "fetch it again")
    return {name: Stored(dtype=slot["dtype"], shape=tuple(slot["shape"])) for name, slot in tensors.items()}
