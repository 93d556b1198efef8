"""Writing a set to a folder, in the layout that $R1RL_DATA has: for machines that cannot reach the hub."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from r1rl.corpus.definition import Corpus
from r1rl.corpus.load import MANIFEST, file_rows
from r1rl.errors import UserError


def export(corpus: Corpus, folder: Path) -> Path:
    """Writes the set's file and its entry in the folder's manifest; the path of the file. Never overwrites.

    Rows are written as they were read, bad ones included: what is bad is decided when they are loaded.
    """
    path = folder / corpus.file.file
    if path.exists():
        raise UserError(f"{path} is there already", "data are never overwritten", "remove it or name another folder")
    found = file_rows(corpus)
    content = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in found.rows).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    entry = {
        "file": path.name,
        "rows": len(found.rows),
        "sha256": hashlib.sha256(content).hexdigest(),
        "source": found.origin,
        "license": corpus.licence,
    }
    _add(folder / MANIFEST, entry)
    return path


def _add(manifest: Path, entry: dict[str, Any]) -> None:
    entries = json.loads(manifest.read_bytes()) if manifest.exists() else []
    others = [other for other in entries if other["file"] != entry["file"]]
    partial = manifest.with_name(manifest.name + ".partial")
    partial.write_text(json.dumps([*others, entry], indent=1) + "\n")
    partial.replace(manifest)
