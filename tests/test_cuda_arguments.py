"""What a GPU's engine is told: the batch sizes it captures, the tokens of a pass."""

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


def arguments(folder, sequences, length=256):
    spec = EngineSpec(
        worker=0,
        model=folder,
        architecture="llama",
        device="cuda",
        dtype="bfloat16",
        max_length=length,
        max_sequences=sequences,
        memory_gib=1.0,
        threads=1,
        log=Path("unused"),
    )
    return compat.engine_arguments(spec)


@given(sequences=st.integers(min_value=1, max_value=SAMPLED_AT_ONCE), batch=st.integers(min_value=1))
def test_every_batch_has_a_graph_and_a_large_one_little_to_fill_up(folder, sequences, batch):
    sizes = arguments(folder, sequences)["compilation_config"]["cudagraph_capture_sizes"]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == sequences
    batch = 1 + batch % sequences
    filled = min(size for size in sizes if size >= batch)
    assert filled - batch < max(8, batch / 4)


@given(sequences=st.integers(1, 2 * compat.PREFILL), length=st.integers(2, 2 * compat.PREFILL))
def test_a_pass_holds_as_many_prompts_as_fit_and_none_that_is_longer_than_a_sequence_can_be(folder, sequences, length):
    tokens = arguments(folder, sequences, length)["max_num_batched_tokens"]
    each, rest = divmod(tokens, sequences)  # as vLLM divides them when it tries a pass
    assert each + rest <= length
    assert each == length or tokens > compat.PREFILL - sequences
