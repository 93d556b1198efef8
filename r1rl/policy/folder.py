"""What a policy's folder says about itself, read without torch."""

from __future__ import annotations

import json
from pathlib import Path

from r1rl.errors import UserError


def architecture(folder: Path) -> str:
    """config.json's model_type. Raises UserError for a folder that is no Hugging Face checkpoint."""
    file = folder / "config.json"
    if not file.is_file():
        raise UserError(
            f"{folder} has no config.json",
            "a policy is a Hugging Face folder: config.json, weights and tokenizer",
            "give the folder that save_pretrained wrote",
        )
    return str(json.loads(file.read_text()).get("model_type"))
