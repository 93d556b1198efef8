"""Samples to micro-batches: every sample once, under the budget, and flat tensors in the order of the mask."""

from __future__ import annotations

import doctest

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import r1rl.batch
from r1rl.batch import collate, microbatches
from r1rl.types import Sample

PAD = 99
relaxed = settings(deadline=None, max_examples=100)


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


def length(sample: Sample) -> int:
    return len(sample.prompt_ids_T) + len(sample.token_ids_T)


@relaxed
@given(st.lists(samples(), max_size=25), st.integers(1, 60))
def test_micro_batches_hold_every_sample_once_within_the_budget(batch, budget):
    groups = microbatches(batch, budget)
    assert sorted(i for group in groups for i in group) == list(range(len(batch)))
    for group in groups:
        cost = len(group) * max(length(batch[i]) for i in group)
        assert cost <= budget or len(group) == 1


def test_one_forward_pass_where_everything_fits():
    batch = [
        Sample(prompt_ids_T=(1,), token_ids_T=(2,) * n, logprobs_T=(0.0,) * n, advantages_T=(0.0,) * n)
        for n in (3, 1, 2)
    ]
    assert microbatches(batch, budget=12) == [[0, 2, 1]]
    assert len(microbatches(batch, budget=11)) == 2


@relaxed
@given(st.lists(samples(), min_size=1, max_size=6))
def test_a_batch_agrees_with_the_slow_one(batch):
    width = max(map(length, batch))
    ids, keep, logprobs, advantages, sequences = [], [], [], [], []
    for sample in batch:
        row, mask = [], []
        for token in sample.prompt_ids_T:
            row.append(token)
            mask.append(False)
        for token, logprob, advantage in zip(sample.token_ids_T, sample.logprobs_T, sample.advantages_T, strict=True):
            row.append(token)
            mask.append(True)
            logprobs.append(logprob)
            advantages.append(advantage)
            sequences.append(len(ids))
        while len(row) < width:
            row.append(PAD)
            mask.append(False)
        ids.append(row)
        keep.append(mask)
    got = collate(batch, PAD, torch.device("cpu"))
    assert got.ids_BT.tolist() == ids
    assert got.keep_BT.tolist() == keep
    assert got.sampler_logprobs_K.tolist() == logprobs
    assert got.advantages_K.tolist() == advantages
    assert got.sequence_K.tolist() == sequences
    assert got.ids_BT[got.keep_BT].tolist() == [token for s in batch for token in s.token_ids_T]


def test_worked_examples():
    assert doctest.testmod(r1rl.batch).failed == 0
