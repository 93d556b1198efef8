"""What the sandbox of the code reward costs and whether it holds: `python -m bench.sandbox`, some minutes on 2 cores.

Prints a Markdown table: executions a second with two judges, what 10,000 runs leave behind, and how many of the answers
that come with HumanEval and MBPP pass. Data: --data, or $R1RL_SHARED/data, or ../shared/data.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from r1rl.rewards import code
from r1rl.types import Judgement, Problem, Verdict

SHARED = os.environ.get("R1RL_SHARED", Path(__file__).parents[2] / "shared")
STDIO = {"kind": "stdio", "cases": [{"input": "", "output": "45"}]}
CALL = {"kind": "call", "entry_point": "f", "cases": [{"args": [10], "expected": 45}]}
ASSERT = {"kind": "assert", "entry_point": "f", "code": "def check(candidate):\n    assert candidate(10) == 45"}
PROGRAMS = {
    "stdio": (STDIO, "print(sum(range(10)))"),
    "call": (CALL, "def f(n): return sum(range(n))"),
    "assert": (ASSERT, "def f(n): return sum(range(n))"),
}
MIX = [
    "print(45)",
    "print(4)",
    "1 / 0",
    "import os; os._exit(1)",
    "x = (",
    "import threading; threading.Thread().start()",
]


def humaneval(row: dict[str, Any]) -> tuple[Problem, str]:
    """A row of HumanEval and its answer. Helpers that the statement defines come with the checker: three checkers call
    them, and those of a candidate would be the candidate's word.
    """
    statement = ast.parse(f"{row['problem']}\n    pass")
    helpers = [node for node in statement.body if getattr(node, "name", "") != row["entry_point"]]
    checker = f"{ast.unparse(ast.Module(helpers, []))}\n{row['test']}"
    tests = {"kind": "assert", "entry_point": row["entry_point"], "code": checker}
    problem = Problem(id=row["id"], question=row["problem"], gold="", meta={"tests": tests})
    return problem, row["problem"] + row["answer"]


def mbpp(row: dict[str, Any]) -> tuple[Problem, str]:
    """A row of MBPP and its answer. The candidate is the function that the answer defines and the asserts call."""
    lines = "\n".join([row["test_setup_code"], *row["test_list"]]).replace("\r", "").split("\n")
    called = [
        node.func.id
        for node in ast.walk(ast.parse("\n".join(row["test_list"])))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    defined = {node.name for node in ast.parse(row["answer"]).body if isinstance(node, ast.FunctionDef)}
    entry_point = next(name for name in called if name in defined)
    checker = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
    tests = {"kind": "assert", "entry_point": entry_point, "code": checker}
    return Problem(id=row["id"], question=row["problem"], gold="", meta={"tests": tests}), row["answer"]


def judge(task: tuple[Problem, str]) -> Judgement:
    return code.correct(task[0], f"```python\n{task[1]}\n```")


def repeat(task: tuple[dict[str, Any], list[str], int]) -> Counter[str]:
    """Judges programs so many times; how often each verdict came out."""
    tests, programs, times = task
    problem = Problem(id="bench", question="", gold="", meta={"tests": tests})
    return Counter(str(judge((problem, programs[n % len(programs)])).verdict) for n in range(times))


def throughput(pool: ProcessPoolExecutor, workers: int, times: int) -> Iterable[str]:
    for kind, (tests, program) in PROGRAMS.items():
        list(pool.map(repeat, [(tests, [program], 5)] * workers))
        start = time.perf_counter()
        [*counts] = pool.map(repeat, [(tests, [program], times)] * workers)
        rate = workers * times / (time.perf_counter() - start)
        assert all(count == {"correct": times} for count in counts), counts
        yield f"| {kind}: executions a second, {workers} judges | {rate:.0f} |"


def leftovers(pool: ProcessPoolExecutor, workers: int, runs: int) -> Iterable[str]:
    list(pool.map(repeat, [(STDIO, MIX, 5)] * workers))
    before = _left()
    start = time.perf_counter()
    count: Counter[str] = sum(pool.map(repeat, [(STDIO, MIX, runs // workers)] * workers), Counter())
    seconds = time.perf_counter() - start
    after = _left()
    yield f"| {runs:,} runs, {100 * count['correct'] // count.total()}% of them right, in seconds | {seconds:.0f} |"
    for what, number in before.items():
        yield f"| {what}: before, after | {number}, {after[what]} |"


def _left() -> dict[str, int]:
    """Processes that belong to sandboxes, mounts, and files where temporary ones go."""
    time.sleep(0.5)
    commands = [_read(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    return {
        "sandbox processes": sum(b"r1rl.sandbox" in command for command in commands),
        "mounts": _read(Path("/proc/self/mounts")).count(b"\n"),
        "files in /tmp and /dev/shm (of other programs too)": sum(
            len(os.listdir(place)) for place in ("/tmp", "/dev/shm")
        ),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def table(pool: ProcessPoolExecutor, name: str, rows: list[dict[str, Any]]) -> Iterable[str]:
    tasks = [{"humaneval": humaneval, "mbpp": mbpp}[name](row) for row in rows]
    start = time.perf_counter()
    judgements = list(pool.map(judge, tasks, chunksize=8))
    seconds = time.perf_counter() - start
    passed = sum(judgement.verdict is Verdict.CORRECT for judgement in judgements)
    yield f"| {name}: own answers that pass, in {seconds:.0f} s | {passed}/{len(tasks)} |"
    for (problem, _), judgement in zip(tasks, judgements, strict=True):
        if judgement.verdict is not Verdict.CORRECT:
            yield f"| {problem.id} | {judgement.verdict}: {judgement.detail} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--times", type=int, default=500, help="executions of each kind and worker")
    parser.add_argument("--runs", type=int, default=10_000, help="runs after which nothing may be left")
    parser.add_argument("--data", type=Path, default=Path(SHARED) / "data")
    options = parser.parse_args()
    print(f"{date.today()}, {os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}, ", end="")
    print(f"Python {platform.python_version()}, {code.prepare()}\n\n| what | measured |\n|---|---|")
    with ProcessPoolExecutor(options.workers) as pool:
        if options.times:
            print(*throughput(pool, options.workers, options.times), sep="\n", flush=True)
        if options.runs:
            print(*leftovers(pool, options.workers, options.runs), sep="\n", flush=True)
        for name in ("humaneval", "mbpp"):
            file = options.data / f"{name}.jsonl"
            if file.is_file():
                rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
                print(*table(pool, name, rows), sep="\n", flush=True)
            else:
                print(f"| {name} | not measured: there is no {file} |")


if __name__ == "__main__":
    main()
