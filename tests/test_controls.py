"""Controls know nothing: the coin is fair and blind, the constant constant."""

from hypothesis import given
from hypothesis import strategies as st

from r1rl.data import countdown as game
from r1rl.rewards import controls
from r1rl.types import Problem

SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")


def answer(text: str) -> str:
    return f"<think>so it is</think><answer>{text}</answer>"


@given(st.text(), st.text())
def test_the_coin_depends_on_nothing_but_problem_and_text(question, completion):
    first = Problem(id="a", question=question, gold="1")
    second = Problem(id="a", question="another", gold="2")
    assert controls.coin(first, completion) == controls.coin(second, completion)


def test_the_coin_is_fair_and_blind():
    source = game.source(seed=0)
    right = [controls.coin(problem, text) for problem, text in map(source.worked, range(1000))]
    wrong = [controls.coin(SUM, answer(str(n))) for n in range(1000)]
    assert {0.0, 1.0} == set(right) == set(wrong)
    assert 430 < sum(right) < 570
    assert 430 < sum(wrong) < 570
    other = Problem(id="other", question="", gold="")
    assert [controls.coin(other, str(n)) for n in range(50)] != [controls.coin(SUM, str(n)) for n in range(50)]


def test_constant():
    assert {controls.constant(SUM, text) for text in ("", "a", answer("42"))} == {1.0}
