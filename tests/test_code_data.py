"""The datasets' own answers get full marks: what vouches for the judge. Skipped where the data are not."""

import json
import os
from itertools import pairwise
from pathlib import Path

import pytest

from bench.sandbox import humaneval, mbpp
from r1rl.rewards import code
from r1rl.sandbox.zygote import CONFINED
from r1rl.types import Problem, Verdict
from tests.kernel import needs

SHARED = Path(os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(autouse=True)
def _sandbox():
    needs(CONFINED)


def rows(name: str) -> list[dict]:
    file = SHARED / "data" / f"{name}.jsonl"
    if not file.is_file():
        pytest.skip(f"there is no {file}; set R1RL_SHARED to the folder that holds data/{name}.jsonl")
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def judge(problem: Problem, program: str):
    return code.correct(problem, f"```python\n{program}\n```")


def test_every_answer_of_humaneval_passes():
    tasks = map(humaneval, rows("humaneval"))
    missed = {problem.id for problem, answer in tasks if judge(problem, answer).verdict is not Verdict.CORRECT}
    assert missed == set()


def test_the_answers_of_mbpp_pass():
    tasks = [mbpp(row) for row in rows("mbpp")[::5]]
    missed = {problem.id for problem, answer in tasks if judge(problem, answer).verdict is not Verdict.CORRECT}
    assert missed <= {"mbpp/123"}  # 5 seconds of CPU time are not enough


def test_a_program_that_solves_nothing_passes_nothing():
    for problem, _ in [*map(humaneval, rows("humaneval")[::4]), *map(mbpp, rows("mbpp")[::25])]:
        name = problem.meta["tests"]["entry_point"]
        for body in ("return object()", "raise StopIteration", "exit(0)", "yield None"):
            assert judge(problem, f"def {name}(*a): {body}").verdict is Verdict.WRONG, (problem.id, body)


def test_a_helper_of_the_statement_cannot_be_replaced():
    problem, _ = humaneval(next(row for row in rows("humaneval") if row["entry_point"] == "find_zero"))
    assert judge(problem, "def poly(xs, x): return 0\ndef find_zero(xs): return 0").verdict is Verdict.WRONG


def test_outputs_of_codeforces_are_their_own_equal_and_no_others():
    tests = [case for row in rows("rllm_codeforces_test")[:40] for case in row["tests"][:1]]
    for case, other in pairwise(tests):
        problem = Problem(id="a", question="", gold="", meta={"tests": {"kind": "stdio", "cases": [case]}})
        assert judge(problem, f"print({case['output']!r})").verdict is Verdict.CORRECT
        if case["output"].split() != other["output"].split():
            assert judge(problem, f"print({other['output']!r})").verdict is Verdict.WRONG
