"""Packed columns: what arrives is what was sent, digit for digit, whatever the numbers were kept in."""

from __future__ import annotations

import doctest
import pickle

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

import r1rl.packed
from r1rl.packed import Freight, Packed, joined
from r1rl.types import Completion, Routes, Sample

ids = st.lists(st.integers(0, 2**40), max_size=5)
reals = st.lists(st.floats(allow_nan=False), max_size=5)
rows = st.one_of(reals.map(tuple), reals.map(lambda values: Packed(numpy.array(values, numpy.float64))))
samples = st.builds(
    Sample,
    prompt_ids_T=ids.map(tuple),
    token_ids_T=ids.map(tuple),
    logprobs_T=rows,
    advantages_T=rows,
    routes=st.sampled_from([None, Routes(data=b"\0\1", layers=1, top_k=1, wide=False)]),
)


def sent(value):
    return pickle.loads(pickle.dumps(value))


@given(st.lists(samples, max_size=5))
def test_samples_arrive_as_they_were_in_their_order_in_a_plain_list(batch):
    arrived = sent(Freight(batch))
    assert type(arrived) is list
    assert arrived == batch


def test_completions_arrive_with_all_that_is_not_a_column():
    routes = Routes(data=bytes([0, 3]), layers=1, top_k=1, wide=False)
    first = Completion(token_ids_T=(5, 9), logprobs_T=(-0.1, -0.7), finish="stop", version=4, routes=routes)
    second = Completion(token_ids_T=(2,), logprobs_T=(-0.3,), finish="length", version=5)
    assert sent(Freight([first, second])) == [first, second]


def test_columns_travel_as_bytes():
    tokens = 10_000
    column = (0.1,) * tokens
    sample = Sample(prompt_ids_T=(1,), token_ids_T=(7,) * tokens, logprobs_T=column, advantages_T=column)
    (arrived,) = sent(Freight([sample]))
    assert len(pickle.dumps(Freight([sample]))) < 3 * 8 * tokens + 1000  # a float of pickle's own has nine bytes
    assert [type(x) for x in (arrived.token_ids_T, arrived.logprobs_T, arrived.advantages_T)] == [Packed] * 3


def test_samples_of_one_prompt_still_share_it():
    prompt = (1, 2, 3)
    sample = Sample(prompt_ids_T=prompt, token_ids_T=(5,), logprobs_T=(0.0,), advantages_T=(0.0,))
    first, second = sent(Freight([sample, sample]))
    assert first.prompt_ids_T is second.prompt_ids_T


@given(reals)
def test_packed_numbers_are_the_sequence_of_pythons_own_numbers(values):
    packed, kept = Packed(numpy.array(values, numpy.float64)), tuple(values)
    assert packed == kept
    assert kept == packed
    assert hash(packed) == hash(kept)
    assert repr(packed) == repr(kept)
    assert [*map(type, packed)] == [float] * len(values)
    assert packed[1:] == kept[1:]
    assert sent(packed) == kept
    assert packed != (*kept, 1.0)
    assert packed != list(kept)  # as a tuple would say


def test_a_place_holds_pythons_own_number():
    assert type(Packed(numpy.array([5, 9]))[1]) is int
    with pytest.raises(IndexError):
        Packed(numpy.array([5, 9]))[2]


@given(st.lists(rows, max_size=4))
def test_rows_are_joined_in_their_order(batch):
    got = joined(batch, numpy.float64)
    assert got.dtype == numpy.float64
    assert got.tolist() == [x for row in batch for x in row]


def test_the_doctests_hold():
    assert doctest.testmod(r1rl.packed).failed == 0
