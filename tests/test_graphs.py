"""The batch sizes that a GPU's engine captures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.engine import compat
from r1rl.engine.spec import SAMPLED_AT_ONCE, EngineSpec


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("dense")
    (made / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return made


@given(sequences=st.integers(min_value=1, max_value=SAMPLED_AT_ONCE), batch=st.integers(min_value=1))
def test_every_batch_has_a_graph_and_a_large_one_little_to_fill_up(folder, sequences, batch):
    spec = EngineSpec(
        worker=0,
        model=folder,
        architecture="llama",
        device="cuda",
        dtype="bfloat16",
        max_length=256,
        max_sequences=sequences,
        memory_gib=1.0,
        threads=1,
        log=Path("unused"),
    )
    sizes = compat.engine_arguments(spec)["compilation_config"]["cudagraph_capture_sizes"]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == sequences
    batch = 1 + batch % sequences
    filled = min(size for size in sizes if size >= batch)
    assert filled - batch < max(8, batch / 4)
