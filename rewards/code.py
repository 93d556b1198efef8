"""Judges a Python program by running it against tests, in a sandbox (r1rl.sandbox).

The program is the last closed ```python block after the thinking. Its tests are `problem.meta["tests"]`, one of

    {"kind": "stdio", "cases": [{"input": "1 2\\n", "output": "3\\n"}]}
    {"kind": "call", "entry_point": "add", "cases": [{"args": [1, 2], "expected": 3}]}
    {"kind": "assert", "entry_point": "add", "code": "def check(candidate):\\n    assert candidate(1, 2) == 3"}

and what is expected never enters a process that the program could look into. Everything that a program does wrong is
WRONG, with the reason in the detail; only a test or a sandbox that fails is UNGRADABLE.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r1rl.sandbox import run, tiers, wire
from r1rl.sandbox.child import Limits
from r1rl.sandbox.client import SandboxError, Zygote
from r1rl.sandbox.compare import expectable, same_data, same_text
from r1rl.sandbox.run import Kind, Outcome
from r1rl.types import Judgement, Problem, Verdict

OPENS = re.compile(r"([ \t]*)(?:<answer>\s*)?(```+|~~~+)[ \t]*([\w+#.-]*)[^`]*")
CLOSES = re.compile(r"\s*(```+|~~~+)\s*(?:</answer>)?\s*")
PYTHON = ("", "python", "python3", "py")
LONGEST_FENCE = 100  # characters; on long lines the patterns above take quadratic time
LONGEST = 1 << 18  # characters of a program
Run = Callable[[Zygote, str, Limits, float], Outcome]


def prepare(*, allow_unsafe: bool = False, **_: object) -> str:
    """Which sandbox this machine has, in a line. Raises UserError if it has none that is safe."""
    return f"sandbox: {tiers.SAYS[tiers.best(allow_unsafe)]}"


def correct(
    problem: Problem,
    completion: str,
    *,
    partial: bool = False,
    allow_unsafe: bool = False,
    seconds: float = 5.0,
    total_seconds: float = 8.0,
    memory_mib: int = 512,
) -> Judgement:
    """Does the program pass all tests? With `partial`, the value is the fraction that it passes.

    A case may use `seconds` of CPU time and `memory_mib` of addresses; `total_seconds` on the clock are for all cases
    together, and have to end before the judge's own deadline.

    >>> tests = {"kind": "call", "entry_point": "add", "cases": [{"args": [1, 2], "expected": 3}]}
    >>> problem = Problem(id="a", question="…", gold="", meta={"tests": tests})
    >>> correct(problem, "```python\\ndef add(a, b):\\n    return a + b\\n```").verdict.value
    'correct'
    """
    try:
        cases = _cases(problem.meta.get("tests"))
        limits = Limits(seconds=seconds, memory=memory_mib << 20)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return Judgement.of(Verdict.UNGRADABLE, f"the tests cannot be used: {type(error).__name__}: {error}"[:300])
    program = extract(completion)
    if program is None:
        return Judgement.of(Verdict.NO_ANSWER, "no closed block of Python code")
    if len(program) > LONGEST:
        return Judgement.of(Verdict.WRONG, f"a program of {len(program):,} characters")
    tier = tiers.best(allow_unsafe)
    deadline = time.monotonic() + total_seconds
    try:
        with tiers.zygote(tier) as zygote:
            outcomes = _run(zygote, cases, program, limits, deadline, stop=not partial)
    except (SandboxError, OSError) as error:
        return Judgement.of(Verdict.UNGRADABLE, f"harness: {error}")
    return _judge(outcomes, len(cases), partial)


def extract(completion: str) -> str | None:
    """The last block of Python code after the last `</think>`; None if there is none or any block is left open.

    >>> extract("<think>…</think>So:\\n```python\\nprint(1)\\n```\\n")
    'print(1)\\n'
    """
    text = completion.rpartition("</think>")[2]
    if "<think>" in text:
        return None
    program: _Block | None = None
    block: _Block | None = None
    fence = ""
    for line in text.split("\n"):
        short = line if len(line) <= LONGEST_FENCE else ""
        if block is None:
            if opens := OPENS.fullmatch(short):
                indent, fence, label = opens.groups()
                block = _Block(python=label.lower() in PYTHON, indent=len(indent), lines=[])
        elif (closes := CLOSES.fullmatch(short)) and closes[1].startswith(fence):
            program, block = (block if block.python else program), None
        else:
            block.lines.append(line)
    return program.text() if program and block is None else None


@dataclass(frozen=True, kw_only=True)
class _Block:
    python: bool
    indent: int  # blanks before the fence, which stand before its lines too
    lines: list[str]

    def text(self) -> str:
        margin = re.compile(f"[ \t]{{0,{self.indent}}}")
        return "".join(f"{margin.sub('', line, count=1)}\n" for line in self.lines)


def _cases(tests: Any) -> list[Run]:
    """The tests as functions, each of which runs one. Raises ValueError, TypeError or KeyError for malformed ones."""
    tests = json.loads(tests) if isinstance(tests, str) else tests
    if not isinstance(tests, Mapping) or tests.get("kind") not in MAKE:
        raise ValueError(f"tests are a mapping whose kind is one of {', '.join(MAKE)}")
    if tests["kind"] == "assert":
        return [_assert_case(tests)]
    if not isinstance(tests["cases"], (list, tuple)) or not tests["cases"]:
        raise ValueError("there are no cases")
    return [MAKE[tests["kind"]](tests, case) for case in tests["cases"]]


def _stdio_case(tests: Mapping[str, Any], case: Mapping[str, Any]) -> Run:
    stdin, expected = _text(case["input"]).encode(), _text(case["output"])

    def judged(zygote: Zygote, program: str, limits: Limits, deadline: float) -> Outcome:
        outcome = run.program(zygote, program, stdin, limits, deadline)
        printed = outcome.stdout.decode(errors="surrogateescape")  # which no expected text contains
        return _compared(outcome, lambda: same_text(expected, printed), lambda: f"printed {printed[:100]!r}")

    return judged


def _call_case(tests: Mapping[str, Any], case: Mapping[str, Any]) -> Run:
    entry_point, args, expected = _text(tests["entry_point"]), list(case["args"]), case["expected"]
    wire.encode(args)
    if not expectable(expected) or isinstance(case["args"], (str, Mapping)):
        raise ValueError("args must be a list of values, and expected a value that something can equal")

    def judged(zygote: Zygote, program: str, limits: Limits, deadline: float) -> Outcome:
        outcome = run.call(zygote, program, entry_point, args, limits, deadline)
        data = outcome.value
        return _compared(outcome, lambda: same_data(expected, data), lambda: f"returned {json.dumps(data):.100}")

    return judged


def _assert_case(tests: Mapping[str, Any]) -> Run:
    entry_point, code = _text(tests["entry_point"]), _text(tests["code"])

    def judged(zygote: Zygote, program: str, limits: Limits, deadline: float) -> Outcome:
        return run.check(zygote, program, entry_point, code, limits, deadline)

    return judged


MAKE: dict[str, Callable[..., Run]] = {"stdio": _stdio_case, "call": _call_case, "assert": _assert_case}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.50} should be text")
    value.encode()  # half a surrogate pair cannot be sent, nor be printed
    return value


def _compared(outcome: Outcome, same: Callable[[], bool], seen: Callable[[], str]) -> Outcome:
    """What is too deep, too long or too odd to be compared is wrong: failing to compare must not mask an answer."""
    if outcome.kind is not Kind.OK:
        return outcome
    try:
        if same():
            return outcome
        detail = seen()
    except Exception as error:  # noqa: BLE001 - data of a candidate's making can make anything here fail
        detail = f"cannot be compared: {type(error).__name__}"
    return Outcome(kind=Kind.WRONG, detail=detail, stdout=b"", value=None, seconds=outcome.seconds)


def _run(zygote: Zygote, cases: list[Run], program: str, limits: Limits, deadline: float, stop: bool) -> list[Outcome]:
    """The outcomes of the cases, up to the first that is not OK if nobody wants to know about the rest."""
    outcomes: list[Outcome] = []
    for case in cases:
        outcomes.append(case(zygote, program, limits, deadline))
        if outcomes[-1].kind is Kind.HARNESS or (stop and outcomes[-1].kind is not Kind.OK):
            break
        if time.monotonic() > deadline:
            break
    return outcomes


def _judge(outcomes: list[Outcome], cases: int, partial: bool) -> Judgement:
    passed = sum(outcome.kind is Kind.OK for outcome in outcomes)
    if passed == cases:
        return Judgement.of(Verdict.CORRECT, f"{passed} of {cases} cases")
    at, first = next((at for at in enumerate(outcomes) if at[1].kind is not Kind.OK), (len(outcomes), None))
    if any(outcome.kind is Kind.HARNESS for outcome in outcomes):
        return Judgement.of(Verdict.UNGRADABLE, f"harness: {outcomes[-1].detail}")
    why = f"{first.kind}: {first.detail}" if first else "time: none left"
    value = passed / cases if partial else 0.0
    return Judgement(verdict=Verdict.WRONG, value=value, detail=f"case {at + 1} of {cases}: {why}")
