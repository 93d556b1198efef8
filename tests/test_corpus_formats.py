"""How a row of the hub becomes a problem, for every set; the rows are in our own words."""

import base64
import importlib
import json
import pickle
import zlib
from collections import Counter

import pytest

from r1rl.catalogue import corpora
from r1rl.corpus import hub, load
from r1rl.errors import UserError
from r1rl.rewards import choice
from r1rl.types import Verdict


def private(cases: list[dict]) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def lcb(cases, function, starter=""):
    return {
        "question_id": "abc1_a",
        "question_content": "Add them.",
        "platform": "atcoder",
        "contest_date": "2024-10-05T00:00:00",
        "difficulty": "easy",
        "starter_code": starter,
        "metadata": json.dumps({"func_name": function} if function else {}),
        "public_test_cases": json.dumps(cases[:1]),
        "private_test_cases": private(cases[1:]),
    }


URL = "https://artofproblemsolving.com/wiki/index.php/{}_AIME_II_Problems/Problem_3"
STDIN = [{"input": f"{n} 1\n", "output": f"{n + 1}\n", "testtype": "stdin"} for n in range(3)]
CALLS = [{"input": f"[{n}]\n1", "output": f"{n + 1}", "testtype": "functional"} for n in range(3)]
TURNS = [{"from": "human", "value": "Q?"}, {"from": "assistant", "ground_truth": {"value": "7"}}]
WRAPPED = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\nQ?\n\n"
    'Remember to put your answer on its own line after "Answer:".'
)
# A row as the hub has it (in our own words), and the id, a part of the question and the gold answer it becomes.
FORMATS = [
    ("aime2024", {"id": 60, "problem": "Q?", "answer": "33", "url": URL.format(2024)}, "aime2024/II-3", "Q?", "33"),
    ("aime2025", {"id": "2", "problem": "Q?", "answer": 33, "url": URL.format(2025)}, "aime2025/II-3", "Q?", "33"),
    ("amc", {"id": 4, "problem": "Q?", "answer": 142.0, "url": "…"}, "amc/4", "Q?", "142"),
    (
        "dapo17k",
        {"prompt": [{"content": WRAPPED}], "reward_model": {"ground_truth": "34"}, "extra_info": {"index": "9b"}},
        "dapo17k/9b",
        "Q?",
        "34",
    ),
    (
        "deepmath",
        {"question": "Q?", "final_answer": "x", "difficulty": 4.5, "topic": "Algebra", "r1_solution_1": "…"},
        "deepmath/0",
        "Q?",
        "x",
    ),
    ("deepscaler", {"problem": "Q?", "answer": "5", "solution": "…"}, "deepscaler/0", "Q?", "5"),
    ("gsm8k_test", {"question": "Q?", "answer": "so\n#### 1,234"}, "gsm8k/test/0", "Q?", "1234"),
    ("gsm8k_train", {"question": "Q?", "answer": "so\n#### -5"}, "gsm8k/train/0", "Q?", "-5"),
    (
        "humaneval",
        {
            "task_id": "HumanEval/9",
            "prompt": "def f():\n    '''F.'''\n",
            "canonical_solution": "    return 1\n",
            "entry_point": "f",
            "test": "def check(candidate):\n    assert candidate() == 1\n",
        },
        "HumanEval/9",
        "def f()",
        "",
    ),
    ("livecodebench", lcb(STDIN, None), "livecodebench/abc1_a", "standard input", ""),
    (
        "livecodebench",
        lcb(CALLS, "add", "class Solution:\n    def add(self, xs, n):"),
        "livecodebench/abc1_a",
        "class Solution",
        "",
    ),
    (
        "math500",
        {"problem": "Q?", "answer": "2", "unique_id": "test/algebra/7.json", "level": 3},
        "math500/algebra/7",
        "Q?",
        "2",
    ),
    (
        "math_train",
        {"config": "algebra", "problem": "Q?", "level": "Level 4", "type": "Algebra", "solution": "so \\boxed{2}"},
        "math_train/0",
        "Q?",
        "2",
    ),
    (
        "mbpp",
        {
            "task_id": 11,
            "text": "Add.",
            "code": "def add(a, b):\r\n  return a + b",
            "test_list": ["assert add(1, 2) == 3"],
            "test_setup_code": "",
        },
        "mbpp/11",
        "assert add(1, 2) == 3",
        "",
    ),
    ("minerva", {"question": "Q?", "answer": "3 m", "problem": "?"}, "minerva/0", "Q?", "3 m"),
    (
        "olympiadbench",
        {"id": 1606, "question": "Q?", "final_answer": ["2"], "unit": None, "subfield": "Algebra"},
        "olympiadbench/1606",
        "Q?",
        "2",
    ),
    (
        "openr1_math",
        {
            "problem": "Q?",
            "answer": "2",
            "source": "amc",
            "generations": ["a", "b", "c"],
            "is_reasoning_complete": [True, True, False],
            "correctness_math_verify": [False, True, True],
            "correctness_llama": None,
        },
        "openr1_math/0",
        "Q?",
        "2",
    ),
    ("orz", TURNS, "orz/0", "Q?", "7"),
    ("orz", {"0": TURNS[0], "1": TURNS[1]}, "orz/0", "Q?", "7"),
]


@pytest.mark.parametrize(("name", "row", "id_", "question", "gold"), FORMATS)
def test_a_row_of_the_hub_becomes_a_problem(name, row, id_, question, gold):
    corpus = corpora()[name]
    problem = corpus.problem(corpus.row(0, row))
    assert (problem.id, problem.gold) == (id_, gold)
    assert question in problem.question
    assert load.bad(problem, corpus.kind) is None


def test_every_set_with_a_place_on_the_hub_has_such_a_row():
    formats = {name for name, *_ in FORMATS} | {"gpqa", "mbpp_train"}
    assert formats == {name for name, corpus in corpora().items() if corpus.hub}


def test_another_format_on_the_hub_is_one_clear_error(monkeypatch):
    monkeypatch.delenv("R1RL_DATA", raising=False)
    monkeypatch.setattr(hub, "_tables", lambda where: iter([{"prompt": "Q?", "gold": "1"}]))
    with pytest.raises(UserError, match="row 0 of the hub is not as expected: KeyError") as refused:
        load.load(corpora()["math500"])
    assert "it has prompt, gold" in refused.value.why


def test_the_instruction_of_dapo_is_taken_off():
    row = FORMATS[3][1]
    assert corpora()["dapo17k"].row(0, row)["problem"] == "Q?"


def test_tests_of_livecodebench_are_of_the_two_kinds():
    row = corpora()["livecodebench"].row
    assert row(0, lcb(STDIN, None))["tests"]["cases"][2] == {"input": "2 1\n", "output": "3\n"}
    calls = row(0, lcb(CALLS, "add"))["tests"]
    assert calls["entry_point"] == "add"
    assert calls["cases"][2] == {"args": [[2], 1], "expected": 3}
    assert isinstance(row(0, lcb(CALLS, None))["tests"], str)  # hygiene lists it


def test_traces_are_those_that_were_found_right():
    row = corpora()["openr1_math"].row(0, next(row for name, row, *_ in FORMATS if name == "openr1_math"))
    assert row["traces"] == ["b"]
    assert "no trace" in load.bad(corpora()["openr1_math"].problem({**row, "traces": []}), "traces")


def test_distillation_reads_traces(tmp_path, monkeypatch):
    rows = [{"id": f"a/{n}", "problem": f"{n}?", "answer": "1", "traces": [f"<think>{n}</think> 1"]} for n in range(90)]
    (tmp_path / "openr1_math.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "MANIFEST.json").write_text(json.dumps([{"file": "openr1_math.jsonl", "rows": 90}]))
    monkeypatch.setenv("R1RL_DATA", str(tmp_path))
    source = importlib.import_module("r1rl.data.openr1_math").source(seed=0, heldout=0.1)
    problem, text = source.worked(5)
    assert problem == source.problem("train", 5)
    assert text == f"<think>{problem.id[2:]}</think> 1"


def gpqa(n: int) -> dict:
    wrong = {f"Incorrect Answer {i}": f"wrong {i}" for i in (1, 2, 3)}
    return {
        "Record ID": f"rec{n}",
        "Question": "Q?",
        "Correct Answer": "right\n",
        "High-level domain": "Physics",
    } | wrong


def test_choices_are_shuffled_the_same_way_every_time_and_no_letter_is_favoured():
    corpus = corpora()["gpqa"]
    problems = [corpus.problem(corpus.row(0, gpqa(n))) for n in range(400)]
    assert problems == [corpus.problem(corpus.row(7, gpqa(n))) for n in range(400)]
    letters = Counter(problem.gold for problem in problems)
    assert set(letters) == set("ABCD")
    assert min(letters.values()) > 70
    for problem in problems[:20]:
        assert f"({problem.gold}) right" in problem.question
        assert load.bad(problem, "choice") is None
        assert choice.correct(problem, f"\\boxed{{{problem.gold}}}") is Verdict.CORRECT
        assert choice.correct(problem, "\\boxed{right}") is Verdict.CORRECT


def test_a_set_of_the_hub_is_loaded_by_its_definition(monkeypatch):
    monkeypatch.delenv("R1RL_DATA", raising=False)
    monkeypatch.setattr(hub, "_tables", lambda where: iter(gpqa(n) for n in range(198)))
    assert len(load.problems(corpora()["gpqa"])) == 198
