"""The published sets: their definitions, and what the files of ../shared/data hold, where they are."""

import importlib
import os
from pathlib import Path

import pytest

from r1rl.catalogue import benchmark, corpora, generators, trainable
from r1rl.corpus import load
from r1rl.corpus.overlap import contaminated
from r1rl.rewards import math
from r1rl.sandbox import tiers
from r1rl.types import Verdict

SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared")) / "data"
HERE = ("aime2024", "aime2025", "codeforces", "deepmath_5k", "gsm8k_test", "gsm8k_train", "humaneval")
HERE = (*HERE, "math500", "math_train", "mbpp", "mbpp_train")


@pytest.fixture
def shared(monkeypatch):
    if not (SHARED / "MANIFEST.json").is_file():
        pytest.skip(f"there is no {SHARED}/MANIFEST.json; set R1RL_SHARED to the folder that holds data/")
    monkeypatch.setenv("R1RL_DATA", str(SHARED))


def test_definitions_are_whole():
    for name, corpus in corpora().items():
        assert corpus.name == name
        assert corpus.hub or corpus.offline
        assert corpus.hub is None or corpus.hub.revision is None or len(corpus.hub.revision) == 40
        assert corpus.offline is None or len(corpus.offline.sha256) == 64
        module = importlib.import_module(f"r1rl.data.{name}")
        assert module.__doc__
    unpinned = {name for name, corpus in corpora().items() if corpus.hub and corpus.hub.revision is None}
    assert unpinned == {"minerva"}
    evaluation = {name for name in corpora() if not trainable(name)}
    assert {"aime2024", "aime2025", "math500", "gsm8k_test", "gpqa", "humaneval", "livecodebench", "mbpp"} <= evaluation
    assert generators().keys() == {"addition", "arithmetic", "countdown", "jsonl", "mixture", "reasoning_gym"}


@pytest.mark.parametrize("name", HERE)
def test_what_is_here_is_what_the_definition_says(shared, name):
    corpus = corpora()[name]
    loaded = load.load(corpus)
    assert {row.id for row in loaded.bad} == set(corpus.known_bad)
    assert len({problem.id for problem in loaded.problems}) == len(loaded.problems)
    assert loaded.origin.startswith(str(SHARED))
    if corpus.hub is not None and corpus.offline.rows == corpus.hub.rows and corpus.count is None:
        assert len(loaded.problems) == corpus.hub.rows


def test_training_sets_open_with_options(shared):
    source = importlib.import_module("r1rl.data.math_train").source(seed=0)
    counts = {split: len(kept) for split, kept in source.splits.items()}
    assert sum(counts.values()) == 5558
    assert 0.04 < counts["heldout"] / 5558 < 0.06
    assert {problem.meta["level"] for problem in source.splits["train"]} == {3.0, 4.0, 5.0}
    assert len(source.left_out) == 5
    with pytest.raises(ValueError, match="min_level must be"):
        importlib.import_module("r1rl.data.math_train").source(seed=0, min_level=0)


def test_gold_answers_of_the_benchmarks_get_full_marks(shared):
    for problem in benchmark(["math500", "aime2024", "aime2025"]):
        assert math.correct(problem, f"\\boxed{{{problem.gold}}}").verdict is Verdict.CORRECT, problem.id


def test_the_overlap_that_is_known(shared):
    against = benchmark(["math500", "aime2024", "aime2025"])
    found = contaminated(load.load(corpora()["deepmath_5k"]).problems, against)
    assert {hit.kind for hit in found} == {"13-gram"}
    assert len({hit.id for hit in found}) == 5
    assert max(hit.share for hit in found) < 0.5
    assert (
        len([hit for hit in contaminated(against, against) if hit.kind == "exact" and hit.id == hit.benchmark]) == 560
    )


@pytest.mark.parametrize(("name", "step"), [("humaneval", 8), ("mbpp", 40), ("mbpp_train", 40)])
def test_solutions_pass_their_tests(shared, name, step):
    from r1rl.errors import UserError
    from r1rl.rewards import code

    try:
        tiers.best(allow_unsafe=False)
    except UserError as error:
        pytest.skip(str(error))
    for problem in load.load(corpora()[name]).problems[::step]:
        answer = f"```python\n{problem.meta['solution']}\n```"
        assert code.correct(problem, answer).verdict is Verdict.CORRECT, problem.id


def test_tests_of_humaneval_bring_the_helpers_of_the_statement(shared):
    code = {problem.id: problem.meta["tests"]["code"] for problem in load.load(corpora()["humaneval"]).problems}
    assert "def poly" in code["HumanEval/32"]
    assert "def find_zero" not in code["HumanEval/32"]
