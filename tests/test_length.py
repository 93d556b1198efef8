"""Length: the two curves are those of their papers, monotonic and bounded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.rewards import length
from r1rl.types import Problem, Verdict

ANY = Problem(id="any", question="…", gold="42")
CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE

lengths = st.integers(0, 50_000)
limits = st.integers(1, 40_000)
values = st.floats(-10, 10)


def soft(tokens: int, limit: int, buffer: int) -> float:
    return length.soft_overlong(ANY, "…", tokens=tokens, limit=limit, buffer=buffer)


def cosine(tokens: int, verdict: Verdict, **options: float) -> float:
    return length.cosine(ANY, "…", tokens=tokens, verdict=verdict, **options)


def dapo(y: int, l_max: int, l_cache: int) -> float:
    """Eq. 13, as it is printed."""
    if y <= l_max - l_cache:
        return 0.0
    if y <= l_max:
        return ((l_max - l_cache) - y) / l_cache
    return -1.0


@given(lengths, limits, st.data())
def test_soft_overlong_is_dapos(tokens, limit, data):
    buffer = data.draw(st.integers(1, limit))
    assert soft(tokens, limit, buffer) == dapo(tokens, limit, buffer)


@given(lengths, lengths, limits, st.data())
def test_soft_overlong_never_pays_for_more_tokens(one, other, limit, data):
    buffer = data.draw(st.integers(1, limit))
    assert -1 <= soft(max(one, other), limit, buffer) <= soft(min(one, other), limit, buffer) <= 0


def test_soft_overlong_with_dapos_numbers():
    assert [soft(n, 20_480, 4_096) for n in (16_384, 18_432, 20_480, 20_481)] == [0.0, -0.5, -1.0, -1.0]
    assert math.copysign(1, soft(5, 100, 20)) == 1  # no -0.0 in a log


@pytest.mark.parametrize(("limit", "buffer"), [(100, 0), (100, 101), (0, 0), (100, -5), (-1, 1)])
def test_a_buffer_that_makes_no_sense_is_refused(limit, buffer):
    with pytest.raises(UserError, match="buffer"):
        soft(5, limit, buffer)
    with pytest.raises(UserError, match="buffer"):
        length.prepare(limit=limit, buffer=buffer)


@given(limits, values, values, st.sampled_from([CORRECT, WRONG, NO_ANSWER]), st.data())
def test_cosine_is_equation_one(limit, short, long, verdict, data):
    tokens = data.draw(st.integers(0, limit - 1))
    side = "correct" if verdict is CORRECT else "wrong"
    value = cosine(tokens, verdict, limit=limit, **{f"{side}_short": short, f"{side}_long": long})
    eta_min, eta_max = (
        long,
        short,
    )  # at 0 tokens the cosine is 1
    assert value == pytest.approx(eta_min + 0.5 * (eta_max - eta_min) * (1 + math.cos(tokens * math.pi / limit)))
    assert min(short, long) - 1e-9 <= value <= max(short, long) + 1e-9


@given(lengths, lengths, limits)
def test_cosine_keeps_the_papers_three_promises(one, other, limit):
    one, other = sorted((one % limit, other % limit))
    assert cosine(one, CORRECT, limit=limit) >= cosine(other, CORRECT, limit=limit)  # short is better when right
    assert cosine(one, WRONG, limit=limit) <= cosine(other, WRONG, limit=limit)  # and worse when wrong
    assert cosine(other, CORRECT, limit=limit) > cosine(other, WRONG, limit=limit)  # and right is better than wrong
    assert cosine(other, WRONG, limit=limit) == cosine(other, NO_ANSWER, limit=limit)


@given(lengths, limits, st.sampled_from([CORRECT, WRONG, NO_ANSWER]), values)
def test_at_the_limit_nothing_else_counts(beyond, limit, verdict, exceeded):
    assert cosine(limit + beyond, verdict, limit=limit, exceeded=exceeded) == exceeded


def test_cosine_does_not_guess_a_verdict():
    assert cosine(5, UNGRADABLE, limit=100) is UNGRADABLE
    with pytest.raises(UserError, match="limit"):
        cosine(5, CORRECT, limit=0)
