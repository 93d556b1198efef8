"""Problems: disjoint splits, the same held-out problems for every seed, and worked examples that are right."""

import ast
import doctest
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.data import addition, countdown
from r1rl.rewards import countdown as countdown_reward
from r1rl.rewards import format as format_reward
from r1rl.rewards import number as number_reward
from r1rl.types import Problem, Verdict

SOURCES = [(addition, {}), (addition, {"digits": 2}), (countdown, {}), (countdown, {"count": 4})]
seeds = st.integers(0, 2**32)
ordinals = st.integers(0, 10**6)
any_source = st.sampled_from(SOURCES)


def key(problem: Problem) -> tuple[str, ...]:
    """What makes two problems the same, read from the question as a reader would."""
    numbers, _, _ = problem.question.partition(" to make ")
    return (problem.gold, *sorted(re.findall(r"\d+", numbers)))


@pytest.mark.parametrize("module", [addition, countdown])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0


@given(any_source, seeds, ordinals)
def test_a_problem_is_a_pure_function_of_its_place(source, seed, ordinal):
    module, options = source
    first, second = (module.source(seed=seed, **options) for _ in range(2))
    first.problem("train", ordinal + 1)
    assert first.problem("train", ordinal) == second.problem("train", ordinal)
    assert first.worked(ordinal) == second.worked(ordinal)


def test_seeds_and_ordinals_give_other_training_problems():
    for module, options in SOURCES:
        first, second = (module.source(seed=seed, **options) for seed in (0, 1))
        assert len({first.problem("train", n).question for n in range(50)}) > 40
        assert [first.problem("train", n) for n in range(50)] != [second.problem("train", n) for n in range(50)]


@pytest.mark.parametrize(("module", "options"), SOURCES)
def test_no_training_problem_is_held_out(module, options):
    heldout = {key(module.source(seed=0, **options).problem("heldout", n)) for n in range(350)}
    for seed in range(5):
        source = module.source(seed=seed, **options)
        assert heldout.isdisjoint(key(source.problem("train", n)) for n in range(3000))
        assert heldout.isdisjoint(key(source.worked(n)[0]) for n in range(500))


@pytest.mark.parametrize("module", [addition, countdown])
def test_the_first_2000_heldout_problems_are_distinct_and_the_same_for_every_seed(module):
    problems = [module.source(seed=3).problem("heldout", n) for n in range(2000)]
    assert len({key(problem) for problem in problems}) == 2000
    assert len({problem.id for problem in problems}) == 2000
    assert problems == [module.source(seed=4).problem("heldout", n) for n in range(2000)]


def test_heldout_problems_do_not_depend_on_the_order_of_asking():
    asked_late_first = [addition.source(seed=0).problem("heldout", n) for n in (1700, 3)]
    addition._heldout_block.cache_clear()
    assert asked_late_first[::-1] == [addition.source(seed=0).problem("heldout", n) for n in (3, 1700)]


def test_a_fifth_of_the_sums_is_held_out():
    share = sum(addition._is_heldout((a, b)) for a in range(100, 200) for b in range(300, 400)) / 10_000
    assert 0.18 < share < 0.22


def test_a_sum_and_its_mirror_are_on_the_same_side():
    assert all(addition._is_heldout((a, b)) == addition._is_heldout((b, a)) for a in range(100) for b in range(100))


def test_running_out_of_heldout_problems_is_an_error_and_not_a_repetition():
    with pytest.raises(ValueError, match="no held-out problem 1000"):
        addition.source(seed=0, digits=2).problem("heldout", 1000)


@given(seeds, ordinals, st.integers(2, 6), st.sampled_from(["train", "heldout"]))
def test_addition_has_the_right_digits_and_gold(seed, ordinal, digits, split):
    problem = addition.source(seed=seed, digits=digits).problem(split, ordinal % 300)
    a, b = re.fullmatch(r"(\d+)\+(\d+)=\?", problem.question).groups()
    assert len(a) == len(b) == digits
    assert int(a) + int(b) == int(problem.gold)


@given(seeds, ordinals, st.floats(0, 1))
def test_worked_additions_are_right(seed, ordinal, guess_share):
    problem, text = addition.source(seed=seed, guess_share=guess_share).worked(ordinal)
    assert number_reward.correct(problem, text) is Verdict.CORRECT
    assert format_reward.r1_zero(problem, text) == 1.0


@given(st.integers(10**3, 10**4 - 1), st.integers(10**3, 10**4 - 1))
def test_columns_add_up(a, b):
    steps = [step.split("=") for step in addition.columns(a, b).split()]
    assert all(sum(map(int, terms.split("+"))) == int(total) for terms, total in steps)
    digits = [total[-1] for _, total in steps[:-1]] + [steps[-1][1]]
    assert int("".join(reversed(digits))) == a + b


def test_guess_share_is_the_share_of_answers_without_working():
    def guesses(share: float) -> float:
        texts = [addition.source(seed=1, guess_share=share).worked(n)[1] for n in range(1000)]
        return sum("=" not in text for text in texts) / 1000

    assert guesses(0.0) == 0.0
    assert guesses(1.0) == 1.0
    assert 0.65 < guesses(0.7) < 0.75


def test_the_worked_example_belongs_to_its_training_problem():
    for module, options in SOURCES:
        source = module.source(seed=5, **options)
        assert source.worked(17)[0] == source.problem("train", 17)
    assert addition.source(seed=5).problem("train", 17).id == "addition3/train/5/17"
    assert addition.source(seed=5).problem("heldout", 17).id == "addition3/heldout/17"


@given(seeds, ordinals, st.integers(3, 4), st.integers(10, 100))
def test_worked_countdowns_are_right(seed, ordinal, count, high):
    problem, text = countdown.source(seed=seed, count=count, high=high).worked(ordinal)
    assert countdown_reward.correct(problem, text) is Verdict.CORRECT
    assert format_reward.r1_zero(problem, text) == 1.0
    assert len(problem.meta["numbers"]) == count
    assert all(1 <= number <= high for number in problem.meta["numbers"])
    assert str(problem.meta["target"]) == problem.gold
    assert problem.gold in problem.question


@given(seeds, ordinals)
def test_steps_of_a_countdown_are_whole_and_positive(seed, ordinal):
    _, text = countdown.source(seed=seed, count=4).worked(ordinal)
    thinking = re.search("<think>(.*)</think>", text).group(1)
    for step in thinking.split():
        left, right = step.split("=")
        assert int(right) > 0
        assert eval(compile(ast.parse(left, mode="eval"), "step", "eval")) == int(right)


@pytest.mark.parametrize("module", [addition, countdown])
def test_an_unknown_split_is_refused(module):
    with pytest.raises(ValueError, match="'train' and 'heldout', not 'test'"):
        module.source(seed=0).problem("test", 0)


@pytest.mark.parametrize(
    ("module", "options"),
    [
        *[(addition, {"digits": digits}) for digits in (1, 7, 3.0, "3", None)],
        *[(addition, {"guess_share": share}) for share in (-0.1, 1.1, float("nan"), "0.5")],
        *[(countdown, {"count": count}) for count in (2, 5, 3.0, "3")],
        *[(countdown, {"high": high}) for high in (9, 101, 20.0, "20")],
    ],
)
def test_an_option_that_makes_no_sense_is_refused(module, options):
    [(name, value)] = options.items()
    with pytest.raises(ValueError, match=re.escape(f"{name} must be")) as refused:
        module.source(seed=0, **options)
    assert repr(value) in str(refused.value)
