"""The consistency gate: what passes, what does not, and that NaN never does."""

from __future__ import annotations

import math

import pytest

from r1rl.errors import ConsistencyError
from r1rl.gate import TOLERANCES, Tolerance, require, tolerance

ALLOWED = Tolerance(mean=0.01, max=0.5)
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(("mean", "largest"), [(0.0, 0.0), (0.01, 0.5), (0.01, 0.0)])
def test_differences_up_to_the_tolerance_pass(mean, largest):
    require(mean, largest, ALLOWED, "step 3")


@pytest.mark.parametrize(
    ("mean", "largest"), [(0.0101, 0.1), (0.001, 0.51), (NAN, 0.0), (0.0, NAN), (NAN, NAN), (INF, INF), (0.0, INF)]
)
def test_everything_else_is_refused(mean, largest):
    with pytest.raises(ConsistencyError) as caught:
        require(mean, largest, ALLOWED, "step 3")
    text = str(caught.value)
    assert text.startswith("step 3: ")
    assert f"{mean:.2g} nats on average (allowed: 0.01), {largest:.2g} at most (allowed: 0.5)" in text
    assert "noaux_tc" in text


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_a_recipes_own_numbers_win_one_by_one(dtype):
    default = TOLERANCES[dtype]
    assert tolerance(dtype) == default
    assert tolerance(dtype, mean=0.5) == Tolerance(mean=0.5, max=default.max)
    assert tolerance(dtype, largest=0.7) == Tolerance(mean=default.mean, max=0.7)
    assert tolerance(dtype, 0.5, 0.7) == Tolerance(mean=0.5, max=0.7)


def test_float32_is_the_stricter_one():
    assert TOLERANCES["float32"].mean < TOLERANCES["bfloat16"].mean
    assert TOLERANCES["float32"].mean <= 1e-3, "wrong pairs measure 1e-2 and more"
