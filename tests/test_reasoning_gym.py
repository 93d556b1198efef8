"""reasoning-gym's adapter and judge, on a library of two small tasks that stands in for the real one."""

import importlib
import random
import sys
import types
from dataclasses import dataclass

import pytest

from r1rl.corpus import gym
from r1rl.data import reasoning_gym as source_module
from r1rl.errors import UserError
from r1rl.rewards import reasoning_gym as reward
from r1rl.types import Problem, Verdict


@dataclass
class Config:
    seed: int = 0
    size: int = 500
    high: int = 50

    def validate(self):
        assert self.high > 0, "high must be positive"


class Sums:
    """Like the library's own: entry i is drawn from seed + i."""

    def __init__(self, config):
        self.config = config

    def __getitem__(self, index):
        if index >= self.config.size:
            raise IndexError(index)
        rng = random.Random(self.config.seed + index)
        a, b = rng.randint(0, self.config.high), rng.randint(0, self.config.high)
        return {"question": f"{a} + {b} = ?", "answer": str(a + b), "metadata": {"a": a, "b": b}}

    def score_answer(self, answer, entry):
        if answer == entry["answer"]:
            return 1.0
        return 0.01 if abs(int(answer) - entry["metadata"]["a"] - entry["metadata"]["b"]) > 1 else 0.5


class Runs(Sums):
    def score_answer(self, answer, entry):
        return float(eval(answer) == int(entry["answer"]))


class Generous(Sums):
    def score_answer(self, answer, entry):
        return float(bool(answer))


@pytest.fixture(autouse=True)
def _library(monkeypatch):
    datasets = {"sums": (Sums, Config), "runs": (Runs, Config), "generous": (Generous, Config)}

    def create_dataset(name, **settings):
        made, config = datasets[name]
        config = config(**settings)
        config.validate()
        return made(config)

    package, factory = types.ModuleType("reasoning_gym"), types.ModuleType("reasoning_gym.factory")
    package.create_dataset, factory.DATASETS = create_dataset, datasets
    monkeypatch.setitem(sys.modules, "reasoning_gym", package)
    monkeypatch.setitem(sys.modules, "reasoning_gym.factory", factory)
    gym.dataset.cache_clear()
    gym.paid_nonsense.cache_clear()
    reward._scorer.cache_clear()
    yield
    gym.dataset.cache_clear()
    gym.paid_nonsense.cache_clear()
    reward._scorer.cache_clear()


def test_problems_are_pure_functions_of_their_places():
    one, other = (source_module.source(seed=3, task="sums") for _ in range(2))
    other.problem("heldout", 9)
    assert [one.problem("train", n) for n in (700, 3)] == [other.problem("train", n) for n in (700, 3)]
    assert one.problem("heldout", 5) == other.problem("heldout", 5)
    assert one.problem("train", 3).id == "reasoning_gym/sums/train/3/3"


def test_splits_share_no_question_and_held_out_ones_are_distinct_for_every_seed():
    one, other = (source_module.source(seed=seed, task="sums", heldout=0.2) for seed in (0, 1))
    heldout = [one.problem("heldout", n) for n in range(100)]
    assert heldout == [other.problem("heldout", n) for n in range(100)]
    assert len({problem.question for problem in heldout}) == 100
    train = [source.problem("train", n).question for source in (one, other) for n in range(1000)]
    assert not {problem.question for problem in heldout} & set(train)


def test_neighbouring_seeds_share_hardly_anything():
    one, other = (
        {source_module.source(seed=seed, task="sums", high=10**6).problem("train", n).question for n in range(300)}
        for seed in (0, 1)
    )
    assert not one & other


def test_problems_come_again_after_size():
    opened = source_module.source(seed=0, task="sums", size=7)
    assert opened.problem("train", 8) == opened.problem("train", 1)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "sum"}, "did you mean `sums`"),
        ({"task": "runs"}, "evaluates answers as Python"),
        ({"task": "generous"}, "gives full marks to 'nan'"),
        ({"task": "sums", "low": 3}, "low"),
        ({"task": "sums", "high": 0}, "high must be positive"),
        ({"task": "sums", "size": -1}, "size must be"),
        ({"task": "sums", "size": True}, "size must be"),
        ({"task": "sums", "heldout": 1}, "heldout must be"),
    ],
)
def test_what_makes_no_sense_is_refused(options, says):
    with pytest.raises(ValueError, match=says):
        source_module.source(seed=0, **options)


def test_running_out_of_problems_is_an_error():
    opened = source_module.source(seed=0, task="sums", high=1)
    with pytest.raises(ValueError, match="no held-out problem"):
        opened.problem("heldout", 4)
    with pytest.raises(ValueError, match="'train' and 'heldout'"):
        opened.problem("test", 0)
    with pytest.raises(ValueError, match="leave out warmup"):
        opened.worked(0)


def test_without_the_library_there_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    for call in (lambda: source_module.source(seed=0, task="sums"), reward.prepare):
        with pytest.raises(UserError) as refused:
            call()
        assert refused.value.instead == "pip install reasoning-gym"


def test_the_gold_answer_gets_full_marks_and_others_do_not():
    opened = source_module.source(seed=0, task="sums")
    for problem in (opened.problem("train", n) for n in range(50)):
        right, near = problem.gold, str(int(problem.gold) + 1)
        assert reward.correct(problem, f"<think>…</think><answer>{right}</answer>").verdict is Verdict.CORRECT
        assert reward.correct(problem, f"\\boxed{{{right}}}").verdict is Verdict.CORRECT
        assert reward.correct(problem, f"<answer>{near}</answer>").value == 0.0
        assert reward.correct(problem, f"<answer>{near}</answer>", partial=True).value == 0.5
        assert reward.correct(problem, f"<answer>{near}</answer> <answer>{right}</answer>").verdict is Verdict.WRONG
        assert reward.correct(problem, f"<think><answer>{right}</answer>").verdict is Verdict.NO_ANSWER
        assert reward.correct(problem, right).verdict is Verdict.NO_ANSWER


@pytest.mark.parametrize("answer", ["__import__('os')", "", "x" * 20_000, "nan", "1 2", "\x00"])
def test_an_answer_that_the_scorer_cannot_read_is_not_right(answer):
    problem = source_module.source(seed=0, task="sums").problem("train", 0)
    assert reward.correct(problem, f"<answer>{answer}</answer>").verdict in (Verdict.WRONG, Verdict.NO_ANSWER)


def test_a_scorer_that_runs_answers_is_never_asked():
    problem = source_module.source(seed=0, task="sums").problem("train", 0)
    evil = Problem(id="a", question="?", gold="1", meta={"task": "runs", "entry": problem.meta["entry"]})
    with pytest.raises(ValueError, match="evaluates answers as Python"):
        reward.correct(evil, "<answer>__import__('os').getpid()</answer>")


def test_other_problems_cannot_be_graded():
    assert reward.correct(Problem(id="a", question="?", gold="1"), "<answer>1</answer>").verdict is Verdict.UNGRADABLE
    with pytest.raises(UserError, match="cannot extract"):
        reward.prepare(extract="anything")


def test_the_real_library_refuses_what_runs_answers(monkeypatch):
    for name in ("reasoning_gym", "reasoning_gym.factory"):
        monkeypatch.delitem(sys.modules, name)
    try:
        importlib.import_module("reasoning_gym")
    except ImportError:
        pytest.skip("reasoning-gym is not installed")
    refused = {task for task in gym.tasks() if gym.runs_answers(task)}
    assert {"countdown", "n_queens", "puzzle24", "simple_integration", "string_insertion"} <= refused
    assert len(refused) < 15
    assert gym.paid_nonsense("game_of_life_halting")
    assert not gym.paid_nonsense("chain_sum")
    problem = source_module.source(seed=0, task="chain_sum").problem("train", 0)
    assert reward.correct(problem, f"<answer>{problem.gold}</answer>").verdict is Verdict.CORRECT
