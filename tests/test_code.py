"""The code reward: three kinds of test, every way to fail told apart, and only honest code rewarded."""

import doctest
import json
import time

import pytest

from r1rl.rewards import code
from r1rl.sandbox.client import Zygote
from r1rl.sandbox.zygote import CONFINED
from r1rl.types import Problem, Verdict
from tests.kernel import needs

CORRECT, WRONG, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.UNGRADABLE
STDIO = {"kind": "stdio", "cases": [{"input": "1 2\n", "output": "3\n"}, {"input": "5 6\n", "output": "11\n"}]}
CALL = {"kind": "call", "entry_point": "f", "cases": [{"args": [1, 2], "expected": 3}]}
ASSERT = {"kind": "assert", "entry_point": "f", "code": "def check(candidate):\n    assert candidate(1, 2) == 3\n"}
ADD = "a, b = map(int, input().split())\nprint(a + b)"


@pytest.fixture(autouse=True)
def _sandbox():
    needs(CONFINED)


def problem(tests) -> Problem:
    return Problem(id="a", question="…", gold="", meta={"tests": tests})


def judge(tests, program: str, **options):
    return code.correct(problem(tests), f"<think>…</think>\n```python\n{program}\n```\n", **options)


def calls(program: str, *cases, entry_point: str = "f"):
    return judge({"kind": "call", "entry_point": entry_point, "cases": [*cases]}, program)


def asserts(program: str, *lines: str, entry_point: str = "f", before: str = ""):
    body = "".join(f"    {line}\n" for line in lines)
    checker = f"{before}\ndef check(candidate):\n{body}"
    return judge({"kind": "assert", "entry_point": entry_point, "code": checker}, program)


def test_examples():
    assert doctest.testmod(code).failed == 0


def test_the_sandbox_is_reported():
    assert code.prepare(partial=True, seconds=3.0).startswith("sandbox: tier ")


# Three kinds of test.


@pytest.mark.parametrize(
    "program",
    [
        ADD,
        "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
        "print(sum(map(int, open(0).readline().split())), end='')",
        "import sys\nsys.stdout.buffer.write(b'%d  \\n' % sum(map(int, sys.stdin.buffer.readline().split())))",
        "import sys, threading\ndef main():\n    print(sum(map(int, input().split())))\n"
        "sys.setrecursionlimit(10**6)\nthreading.stack_size(2**27)\nthreading.Thread(target=main).start()",
        f"if __name__ == '__main__':\n    {ADD.replace(chr(10), chr(10) + '    ')}\n    exit()",
        "import atexit\natexit.register(lambda: print(sum(map(int, input().split()))))",
        "import os\nos.write(1, b'%d' % sum(map(int, os.read(0, 99).split())))\nos._exit(0)",
        "print = __import__('sys').stdout.write\nlist = dict = json = None\nprint(str(sum(map(int, input().split()))))",
    ],
)
def test_programs_from_stdin_to_stdout(program):
    assert judge(STDIO, program).verdict is CORRECT


@pytest.mark.parametrize(
    ("program", "case"),
    [
        ("def f(a): return a + [1]", {"args": [[0]], "expected": [0, 1]}),
        ("def f(): return (1, (2, 3))", {"args": [], "expected": [1, [2, 3]]}),
        ("def f(): return {1: 2.5}", {"args": [], "expected": {"1": 2.5}}),
        ("class Solution:\n    def f(self, a): return a", {"args": ["é\0"], "expected": "é\0"}),
        (
            "from collections import Counter\ndef f(s): return Counter(s)",
            {"args": ["aab"], "expected": {"a": 2, "b": 1}},
        ),
        ("def f(a):\n    print('chatter' * 9999)\n    return a", {"args": [None], "expected": None}),
        ("def f(a): return 10 ** a", {"args": [5000], "expected": 10**5000}),
    ],
)
def test_calls_of_a_function(program, case):
    assert calls(program, case).verdict is CORRECT


@pytest.mark.parametrize("entry_point", ["Solution.f", "Solution().f", "f"])
def test_methods_are_entry_points(entry_point):
    program = "class Solution:\n    def f(self): return 1"
    assert calls(program, {"args": [], "expected": 1}, entry_point=entry_point).verdict is CORRECT


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        ("def f(x): return x", ["assert candidate(1) == f(1) == 1", "assert candidate(x=None) is None"]),
        ("def f(x): return {x: (1, {2}), 'b': b'3'}", ["assert candidate(1.5) == {1.5: (1, {2}), 'b': b'3'}"]),
        ("def f(n):\n    for i in range(n): yield i", ["assert list(candidate(3)) == [0, 1, 2]"]),
        ("def f(n):\n    while True: yield n", ["assert next(candidate(3)) == 3"]),
        ("def f(g, x): return g(g(x))", ["assert candidate(lambda x: x + 1, 0) == 2"]),
        ("def f(x): return len(x)", ["assert candidate([0] * 999_999) == 999_999"]),
        ("def f(x): x.sort()", ["x = [2, 1]", "candidate(x)", "assert x == [1, 2]"]),
        ("def f(m):\n    for row in m: row.reverse()", ["r = [1, 2]", "candidate([r])", "assert r == [2, 1]"]),
        ("def g(x): return x + 1\nf = lambda x: g(x)", ["assert g(candidate(1)) == 3"]),
        ("class f:\n    def __init__(self, x): self.x = x", ["a = candidate(3)", "a.x = 4", "assert a.x == 4"]),
        ("class P:\n    n = 1\ndef f(p): return p.n", ["p = P()", "p.n = 7", "assert candidate(p) == 7"]),
        ("def f(x): return int if x else [str]", ["assert candidate(1) is int", "assert candidate(0) == [str]"]),
        (
            "def f(x): raise ValueError('no') if x else LookupError",
            ["try: candidate(1)", "except ValueError as error: assert str(error) == 'no'", "else: assert False"],
        ),
    ],
)
def test_checkers(program, lines):
    assert asserts(program, *lines).verdict is CORRECT


@pytest.mark.parametrize("name", ["check", "sum", "candidate"])
def test_a_candidate_may_have_any_name(name):
    assert asserts(f"def {name}(x): return x + 1", f"assert {name}(1) == 2", entry_point=name).verdict is CORRECT
    assert asserts(f"def {name}(x): return x", f"assert {name}(1) == 2", entry_point=name).verdict is WRONG


def test_what_a_checker_defines_is_its_own():
    program = "def f(x): return 0\ndef reference(x): return 0\nclass math: pi = 0\ndef isclose(a, b): return True"
    before = "import math\nfrom math import *\ndef reference(x): return x"
    assert asserts(program, "assert candidate(1) == reference(1)", before=before).verdict is WRONG
    assert asserts(program, "assert isclose(candidate(1), math.pi)", before=before).verdict is WRONG


# Ways to fail.


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("print(4)", "wrong: printed '4"),
        ("print(3", "compile: SyntaxError"),
        ("x = 1\0", "compile: "),
        ("1 / 0", "error: ZeroDivisionError: division by zero"),
        ("print(3); exit(1)", "error: exited with 1"),
        ("import os; print(3, flush=True); os._exit(7)", "error: status 7"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "error: killed by signal 9"),
        ("while True: pass", "time: "),
        ("import time; time.sleep(60)", "time: "),
        ("import threading, time; threading.Thread(target=time.sleep, args=[60]).start()", "time: "),
        ("x = bytearray(10 << 30)", "memory: "),
        ("x = []\nwhile True: x.append(bytes(1 << 20))", "memory: "),
        ("while True: print('x' * 99999)", "flood: "),
        ("def f(n): return f(n + 1)\nf(0)", "error: RecursionError"),
        ("import sys; sys.stdout.close()", "wrong: printed ''"),
        ("import sys; sys.stdout.buffer.write(b'3\\xff')", "wrong: printed '3"),
        ("input(); input()", "error: EOFError"),
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "error: an exception without a text"),
    ],
)
def test_every_way_to_fail_is_told_apart(program, why):
    start = time.monotonic()
    judgement = judge(STDIO, program, seconds=0.5, total_seconds=1.0)
    assert judgement.verdict is WRONG
    assert judgement.value == 0.0
    assert judgement.detail.startswith(f"case 1 of 2: {why}")
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("def f(a, b): return a - b", "wrong: returned -1"),
        ("def g(a, b): return 3", "error: there is no f"),
        ("def f(a, b): return {3}", 'wrong: returned {"set": [3]}'),
        ("def f(a, b): yield 3", "error: NotAValue: generator"),
        ("def f(a, b): return 'x' * (2 << 20)", "flood: "),
        ("def f(a, b): raise SystemExit(0)", "error: SystemExit"),
        ("raise SystemExit(0)\ndef f(a, b): return 3", "error: exited with 0"),
    ],
)
def test_calls_fail_with_a_reason(program, why):
    assert judge(CALL, program).detail == "case 1 of 1: " + why or why in judge(CALL, program).detail
    assert judge(CALL, program).verdict is WRONG
    assert judge(ASSERT, program).verdict is WRONG


def test_leaving_without_a_value_is_not_returning_none():
    assert calls("import os\ndef f(): os._exit(0)", {"args": [], "expected": None}).detail.endswith("error: status 0")
    assert calls("def f(): return None", {"args": [], "expected": None}).verdict is CORRECT


def test_time_of_a_fraction_of_a_second_is_counted():
    spin = "import time\nwhile time.process_time() < 0.4: pass\n"
    assert judge(STDIO, spin + ADD, seconds=0.3).detail.startswith("case 1 of 2: time: 0.4 s")
    assert judge(STDIO, spin + ADD, seconds=0.9).verdict is CORRECT


def test_a_case_sees_nothing_of_another():
    program = "import builtins\nn = builtins.n = getattr(builtins, 'n', 0) + 1\ndef f(): return n"
    assert calls(program, *[{"args": [], "expected": 1}] * 3).verdict is CORRECT


def test_partial_credit_is_an_option():
    half = "a, b = map(int, input().split())\nprint(3)"
    assert judge(STDIO, half).value == 0.0
    assert judge(STDIO, half, partial=True).value == 0.5
    assert judge(STDIO, half, partial=True).verdict is WRONG
    assert judge(STDIO, half, partial=True).detail.startswith("case 2 of 2: wrong")
    assert judge(STDIO, ADD, partial=True).value == 1.0
    sleep = "import time\nif input() != '1 2': time.sleep(60)\nprint(3)"
    assert judge({**STDIO, "cases": STDIO["cases"] * 2}, sleep, partial=True, total_seconds=0.5).value == 0.25


# Whose fault it is.


@pytest.mark.parametrize(
    "tests",
    [
        None,
        7,
        "{",
        "[" * 100_000,
        [],
        {},
        {"kind": "shell"},
        {"kind": "stdio"},
        {"kind": "stdio", "cases": []},
        {"kind": "stdio", "cases": [{"input": "1"}]},
        {"kind": "stdio", "cases": [{"input": "1", "output": 1}]},
        {"kind": "stdio", "cases": [{"input": "\ud800", "output": "1"}]},
        {"kind": "call", "cases": [{"args": [], "expected": 1}]},
        {"kind": "call", "entry_point": "f", "cases": [{"args": "ab", "expected": 1}]},
        {"kind": "call", "entry_point": "f", "cases": [{"args": [object()], "expected": 1}]},
        {"kind": "call", "entry_point": "f", "cases": [{"args": [], "expected": float("nan")}]},
        {"kind": "call", "entry_point": "f", "cases": [{"args": [], "expected": object()}]},
        {"kind": "call", "entry_point": "f", "cases": [7]},
        {"kind": "assert", "entry_point": "f"},
        {"kind": "assert", "entry_point": "f", "code": "def check(candidate:"},
        {"kind": "assert", "entry_point": "f", "code": "assert True"},
        {"kind": "assert", "entry_point": "f", "code": "def check(candidate): pass"},
        {"kind": "assert", "entry_point": "f", "code": "import no_such\ndef check(candidate): candidate()"},
        {"kind": "assert", "entry_point": "f", "code": "def check(candidate):\n    assert 1 == 2"},
    ],
    ids=lambda tests: repr(tests)[:60],
)
def test_tests_that_are_at_fault_grade_nobody(tests):
    assert judge(tests, "def f(*_): return 1").verdict is UNGRADABLE


def test_a_sandbox_that_fails_grades_nobody(monkeypatch):
    monkeypatch.setattr(Zygote, "spawn", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
    assert judge(STDIO, ADD).verdict is UNGRADABLE


def test_tests_may_be_json_text():
    assert judge(json.dumps(STDIO), ADD).verdict is CORRECT
    assert judge(json.dumps(CALL), "def f(a, b): return a + b").verdict is CORRECT
