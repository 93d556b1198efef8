"""Samples to micro-batches: every sample once, under the budget, and flat tensors in the order of the mask."""

from __future__ import annotations

import doctest

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import r1rl.batch
import r1rl.packing
from r1rl.batch import collate, length, microbatches
from r1rl.packing import LIKE, Packing
from r1rl.types import Sample

relaxed = settings(max_examples=100)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    prompt = draw(st.lists(st.integers(0, 9), min_size=1, max_size=6))
    tokens = draw(st.lists(st.integers(0, 9), min_size=1, max_size=9))
    logprobs = draw(st.lists(st.floats(-9, 0, width=32), min_size=len(tokens), max_size=len(tokens)))
    return Sample(
        prompt_ids_T=tuple(prompt),
        token_ids_T=tuple(tokens),
        logprobs_T=tuple(logprobs),
        advantages_T=tuple(draw(st.lists(st.floats(-3, 3, width=32), min_size=len(tokens), max_size=len(tokens)))),
    )


@relaxed
@given(st.lists(samples(), max_size=25), st.integers(1, 60), st.integers(0, 30))
def test_micro_batches_hold_every_sample_once_within_the_budget(batch, budget, at_least):
    groups = microbatches(batch, budget, at_least)
    assert sorted(i for group in groups for i in group) == list(range(len(batch)))
    assert len(groups) >= min(at_least, len(batch))
    assert all(sum(length(batch[i]) for i in group) <= budget or len(group) == 1 for group in groups)
    assert all(groups)


def test_one_forward_pass_where_everything_fits():
    batch = [
        Sample(prompt_ids_T=(1,), token_ids_T=(2,) * n, logprobs_T=(0.0,) * n, advantages_T=(0.0,) * n)
        for n in (3, 1, 2)
    ]
    assert microbatches(batch, budget=9) == [[0, 2, 1]]
    assert microbatches(batch, budget=8) == [[0, 2], [1]]


@relaxed
@given(st.lists(samples(), min_size=1, max_size=6))
def test_a_batch_agrees_with_the_slow_one(batch):
    ids, keep, logprobs, advantages, sequences, completions = [], [], [], [], [], []
    for index, sample in enumerate(batch):
        for token in sample.prompt_ids_T:
            ids.append(token)
            keep.append(False)
            sequences.append(index)
        for token, logprob, advantage in zip(sample.token_ids_T, sample.logprobs_T, sample.advantages_T, strict=True):
            ids.append(token)
            keep.append(True)
            sequences.append(index)
            completions.append(index)
            logprobs.append(logprob)
            advantages.append(advantage)
    got = collate(batch, torch.device("cpu"))
    assert got.ids_BT.tolist() == [ids]
    assert got.keep_BT.tolist() == [keep]
    assert got.sequence_BT.tolist() == [sequences]
    assert got.sampler_logprobs_K.tolist() == logprobs
    assert got.advantages_K.tolist() == advantages
    assert got.sequence_K.tolist() == completions
    assert got.ids_BT[0, got.places_K].tolist() == [token for s in batch for token in s.token_ids_T]


@relaxed
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_every_token_of_a_packing_is_in_one_block_and_comes_back(lengths):
    packing = Packing.of(lengths, torch.device("cpu"))
    row = torch.arange(sum(lengths))
    parts = torch.cat([row[block.places_BW][block.keep_BW] for block in packing.blocks])
    assert parts[packing.back_T].tolist() == row.tolist()
    assert packing.ends_S1.diff().tolist() == lengths
    assert packing.positions_T.tolist() == [place for n in lengths for place in range(n)]
    for block in packing.blocks:
        kept = block.keep_BW.sum(1)
        assert kept.min() >= LIKE * kept.max()  # little is computed for nothing
        assert (block.places_BW.diff(dim=1)[block.keep_BW[:, 1:]] == 1).all()


def test_worked_examples():
    assert doctest.testmod(r1rl.batch).failed == doctest.testmod(r1rl.packing).failed == 0
