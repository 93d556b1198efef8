"""What a policy's folder says about itself, read without torch."""

from __future__ import annotations

import json
from pathlib import Path

from r1rl.errors import UserError
from r1rl.models import MODELS, fetched
from r1rl.network import spare_the_hub

ORIGIN = "origin.json"  # in a folder that r1rl fetched or exported: where its weights come from


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


def local(name: str) -> Path:
    """The folder of a policy: as given, a model that `r1rl fetch` has brought, or, by an id like org/name, of the hub.

    Raises UserError when it is not fetched yet, or the hub has no such model or cannot be reached.
    """
    if Path(name).is_dir():
        return Path(name)
    if name in MODELS:
        return fetched(name)
    spare_the_hub()
    from huggingface_hub import is_offline_mode, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        said = (
            "the hub cannot be reached, and it is not in its cache" if is_offline_mode() else str(error).splitlines()[0]
        )
        raise UserError(
            f"{name} is no folder here and could not be fetched: {said}",
            "a policy is a Hugging Face folder",
            "correct the id, or fetch the model by other means and give its folder",
        ) from error
