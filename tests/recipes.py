"""A small recipe and what is said about changes of it, for all tests of recipes."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1rl.errors import UserError
from r1rl.recipe import (
    Recipe,
    load_recipe,
)

BASE = """\
name: demo
policy: {init: tiny}
warmup: {steps: 5, lr: 3e-3}
reward:
  - {fn: "number:correct"}
  - {fn: "format:r1_zero", weight: 0.5}
rollout:
  max_tokens: 64
learner:
  lr: 3.0e-4
train:
  steps: 80
"""


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "demo.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refusal(path: Path | str, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        load_recipe(path, overrides)
    assert caught.value.why
    assert caught.value.instead
    return str(caught.value)


def tiny() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "demo",
            "policy": {"init": "tiny"},
            "reward": [{"fn": "number:correct"}],
            "rollout": {"max_tokens": 64},
            "learner": {"lr": 3e-4},
            "train": {"steps": 80},
        }
    )
