"""A recipe's policy as config.json's fields: of a folder, a hub id that is on this machine already, or a named size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1rl import sizes
from r1rl.errors import UserError

OWN_VOCABULARY = 768  # tokens at most that a policy made here has


def fields(path: str | None, init: str | None) -> Mapping[str, Any]:
    """The fields of a policy. Raises UserError when its config.json is not on this machine or cannot be read."""
    if path is None:
        size = sizes.get(init or "tiny")
        return {"vocab_size": OWN_VOCABULARY, "tie_word_embeddings": False, **size.fields, "model_type": size.family}
    file = _config(path)
    try:
        read = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read: {error}", "it says what shape the policy has", "mend it") from None
    if not isinstance(read, dict):
        raise UserError(f"{file} holds no fields", "it says what shape the policy has", "give a policy's folder")
    return read


def _config(path: str) -> Path:
    if Path(path).is_dir():
        file: str | Path | None = Path(path) / "config.json"
    else:
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(path, "config.json") if path.count("/") == 1 else None
        file = found if isinstance(found, str) else None
    if file is None or not Path(file).is_file():
        raise UserError(
            f"policy.path {path} has no config.json on this machine",
            "a plan asks nobody and downloads nothing",
            "give a folder with a config.json (weights are not needed), or plan a named size: policy.path=null "
            f"policy.init={'|'.join(sizes.SIZES)}",
        )
    return Path(file)
