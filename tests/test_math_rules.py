"""The rules of the judge of mathematical answers as properties: what never changes a verdict, and what always does."""

import time
from fractions import Fraction

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from r1rl.rewards.math import correct
from r1rl.types import Problem
from tests.test_math import CORRECT, WRONG, boxed, verdict

fractions = st.builds(Fraction, st.integers(-10_000, 10_000), st.integers(1, 200))


def forms(value):
    """Some ways to write a fraction."""
    a, b = value.numerator, value.denominator
    sign, size = ("-" if a < 0 else ""), abs(a)
    yield rf"\frac{{{a}}}{{{b}}}"
    yield rf"{sign}\dfrac{{{3 * size}}}{{{3 * b}}}"
    yield f"{a}/{b}"
    yield rf"\left( {sign}\tfrac{{{size}}}{{{b}}} \right)."
    yield f"x = {a}/{b}"
    yield f"{a}/{b}".translate(str.maketrans("0123456789-", "０１２３４５６７８９−"))
    if b == 1:
        yield from (
            f"{a:,}",
            f"{a:,}".replace(",", "{,}"),
            f"{a:,}".replace(",", r"\,"),
            f"{a}.00",
            f"{a} ",
            rf"\text{{{a}}}",
        )
    elif size > b:
        yield rf"{sign}{size // b}\frac{{{size % b}}}{{{b}}}"


@given(fractions, fractions)
def test_the_value_of_a_number_decides(gold, value):
    for text in forms(value):
        assert boxed(str(gold), text) is (CORRECT if gold == value else WRONG), text


@given(fractions)
def test_equal_numbers_are_right_and_their_neighbours_wrong(value):
    for text in forms(value):
        assert boxed(str(value), text) is CORRECT, text
    for wrong in (value + 1, -value, 1 / value if value else value, value + Fraction(1, 10**9)):
        assert boxed(str(value), str(wrong)) is (CORRECT if wrong == value else WRONG)


terms = st.lists(
    st.tuples(
        st.integers(1, 30), st.sampled_from(["x", "y", "x^2", "xy", r"\sqrt{2}", r"\pi", r"\sin x", r"\frac{1}{y}", ""])
    ),
    min_size=1,
    max_size=5,
)


@given(terms, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_the_order_of_terms_does_not_matter_and_one_more_does(terms, random):
    assume(any(name for _, name in terms))
    write = lambda terms: " + ".join(f"{factor}{name}" for factor, name in terms)  # noqa: E731
    shuffled = random.sample(terms, len(terms))
    assert boxed(write(terms), write(shuffled)) is CORRECT
    assert boxed(write(terms), write(shuffled) + " + 1") is WRONG
    assert boxed(write(terms), f"-({write(shuffled)})") is WRONG
    assert boxed(write(terms), f"2({write(shuffled)})") is WRONG


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_lists_have_no_order_and_tuples_have_one(members, random):
    shuffled = random.sample(members, len(members))
    write = ", ".join(map(str, members))
    other = ", ".join(map(str, shuffled))
    assert boxed(write, other) is CORRECT
    assert boxed(rf"\{{{write}\}}", rf"\{{{other}\}}") is CORRECT
    assert boxed(f"({write})", f"({other})") is (CORRECT if members == shuffled else WRONG)
    assert boxed(write, f"{other}, {members[0]}") is WRONG


PIECES = r"""
\frac{ \sqrt{ \boxed{ \text{ \left( \right) \{ \} { } ( ) [ ] | ^ _ ! % & = < > + - * / , ; : . $ 1 2 0 x y e
i \pi \infty \pm \cup \in \sin \log \binom \sum \int \circ \\ \begin{pmatrix} \end{pmatrix} and or 10^ '
<think> </think> <answer> f( </answer> ** 9^9^9 ½ ٤ \mathbb{R} \quad word
"""
PIECES = [*PIECES.split(), " ", "\x0c", "\ud800"]
noise = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@given(noise, noise, st.sampled_from(["boxed", "answer", "either", "lenient"]))
@example(r"\frac{1}{0}", "1", "boxed")
@settings(max_examples=400)
def test_nothing_breaks_the_judge(gold, text, extract):
    for completion in (text, rf"\boxed{{{text}}}", f"<answer>{text}</answer>"):
        judgement = correct(Problem(id="a", question=text, gold=gold), completion, extract=extract)
        assert judgement.value == float(judgement.verdict is CORRECT)


@given(noise)
@settings(max_examples=200)
def test_thinking_never_changes_the_verdict(thoughts):
    for answer in (r"\boxed{42}", r"\boxed{43}", "42"):
        assert verdict("42", f"{thoughts}</think>{answer}") is verdict("42", answer)


@given(noise)
@settings(max_examples=200)
def test_a_wrong_box_at_the_end_is_wrong(text):
    assume("<think>" not in text.rpartition("</think>")[2])
    assert verdict("42", rf"{text} \boxed{{43}}") is not CORRECT


@pytest.mark.parametrize(
    "bomb",
    [
        r"\boxed{9^{9^{9^{9}}}}",
        r"\boxed{9**9**9}",
        r"\boxed{((9!)!)!}",
        r"\boxed{\binom{10^9}{5 \cdot 10^8}}",
        r"\boxed{2^{1000000007}}",
        r"\boxed{" + "(" * 5000 + "1" + ")" * 5000 + "}",
        r"\boxed{" + "u(" * 28 + "1" + ")" * 28 + "}",
        r"\boxed{" + r"\frac{1}{" * 300 + "1" + "}" * 301,
        r"\boxed{" + "7" * 10**6 + "}",
        r"\boxed{" + "{" * 10**6,
        r"\boxed{" * 150_000,
        r"\boxed{1} " * 20_000,
        r"\boxed{" + "1 " * 100_000 + "}",
        "$x$ " * 250_000,
        "answer is " * 100_000,
        "<answer>1</answer>" * 20_000,
    ],
)
def test_hostile_answers_take_no_time(bomb):
    for gold in ("42", r"\frac{\pi}{2}", r"\{1,2\}", "n!", r"\sum_{k=1}^n a_k"):
        for extract in ("boxed", "answer", "either", "lenient"):
            start = time.process_time()
            assert verdict(gold, bomb, extract=extract) is not CORRECT
            assert time.process_time() - start < 3  # milliseconds, but for the importing and a slow machine
