"""Repetition: loops show in any script, honest text hardly does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.errors import UserError
from r1rl.rewards import repetition
from r1rl.types import Problem

ANY = Problem(id="any", question="…", gold="42")
words = st.lists(st.sampled_from(["so", "wait", "7", "12", "的", "是", "+", "é"]), max_size=60)


def ngrams(text: str, **options: int) -> float:
    return repetition.ngrams(ANY, text, **options)


@given(words, st.integers(1, 8))
def test_it_is_what_the_obvious_version_says(words, n):
    grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
    obvious = -(1 - len(set(grams)) / len(grams)) if grams else 0.0
    assert ngrams(" ".join(words), n=n) == pytest.approx(obvious)


@given(st.text(max_size=200), st.integers(1, 30))
def test_bounds(text, n):
    assert -1 < ngrams(text, n=n) <= 0


@given(words, st.integers(1, 7))
def test_longer_runs_repeat_less(words, n):
    text = " ".join(words)
    total = [max(len(words) - size + 1, 1) for size in (n, n + 1)]
    repeated = [-ngrams(text, n=size) * count for size, count in zip((n, n + 1), total, strict=True)]
    assert repeated[1] <= repeated[0] + 1e-9


@given(words)
def test_case_and_white_space_do_not_count(words):
    assert ngrams(" ".join(words).upper(), n=3) == ngrams("\n\n ".join(words), n=3)


@pytest.mark.parametrize(
    "loop",
    [
        "Wait, let me check that again. ",
        "So the answer is 42. ",
        "Hmm. ",
        "所以答案是四十二。",
        "もう一度確認します",
        "ลองตรวจสอบอีกครั้ง",
        "다시 확인해 보자. ",
        "Проверим ещё раз. ",
        "ha",
        "!",
        "()",
        "x = 1\n",
        "🤔",
    ],
)
def test_loops_show_in_any_script(loop):
    assert ngrams(loop * 500) < -0.9


def test_a_loop_at_the_end_counts_for_its_share():
    honest = " ".join(f"word{number}" for number in range(1000))
    assert ngrams(honest) == 0
    assert ngrams(honest + " No, wait." * 250) == pytest.approx(-0.5, abs=0.02)


def test_text_of_random_words_is_no_repetition():
    words = random.Random(0).choices(["the", "so", "we", "get", "1", "2", "3", "+", "-", "=", "x"], k=20_000)
    assert ngrams(" ".join(words)) > -0.001


def test_fewer_than_n_words_have_nothing_to_repeat():
    assert [ngrams(text) for text in ("", " ", "wait " * 19)] == [0, 0, 0]


@pytest.mark.parametrize("n", [0, -1, 2.5])
def test_n_is_a_number_of_words(n):
    with pytest.raises(UserError, match="number of words"):
        repetition.prepare(n=n)
    with pytest.raises(UserError, match="number of words"):
        ngrams("so", n=n)
