"""Programming sets: their tests in the three forms that the reward `code:correct` runs.

    {"kind": "stdio", "cases": [{"input", "output"}]}
    {"kind": "call", "entry_point", "cases": [{"args", "expected"}]}
    {"kind": "assert", "entry_point", "code": "def check(candidate): …"}

Tests that cannot be brought into a form become a text that says why: hygiene lists such rows as bad.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import pickle
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

Tests = dict[str, Any]


def stdio(cases: Iterable[Mapping[str, str]]) -> Tests:
    """Texts that go in and come out.

    >>> stdio([{"input": "1 2", "output": "3"}])
    {'kind': 'stdio', 'cases': [{'input': '1 2', 'output': '3'}]}
    """
    return {"kind": "stdio", "cases": [{"input": case["input"], "output": case["output"]} for case in cases]}


def humaneval_tests(statement: str, test: str, entry_point: str) -> Tests:
    """The tests of HumanEval. Helpers that the statement defines come with the checker: three checkers call them, and
    those of a candidate would be the candidate's word.
    """
    body = ast.parse(f"{statement}\n    pass").body
    helpers = [node for node in body if getattr(node, "name", "") != entry_point]
    return {"kind": "assert", "entry_point": entry_point, "code": f"{ast.unparse(ast.Module(helpers, []))}\n{test}"}


def mbpp_tests(asserts: Iterable[str], setup: str, solution: str) -> Tests | str:
    """The tests of MBPP: bare asserts. The candidate is the function that they call and the solution defines.

    >>> mbpp_tests(["assert add(1, 2) == 3"], "", "def add(a, b): return a + b")["entry_point"]
    'add'
    """
    lines = [line for text in (setup, *asserts) for line in text.replace("\r", "").split("\n") if line.strip()]
    try:
        called = [node for node in ast.walk(ast.parse("\n".join(asserts))) if isinstance(node, ast.Call)]
        defined = {node.name for node in ast.parse(solution).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError as error:
        return f"not Python: {error.msg}"
    names = [node.func.id for node in called if isinstance(node.func, ast.Name) and node.func.id in defined]
    if not names:
        return "they call no function of the solution"
    checker = "def check(candidate):\n" + "".join(f"    {line}\n" for line in lines)
    return {"kind": "assert", "entry_point": names[0], "code": checker}


def livecodebench_tests(cases: Iterable[Mapping[str, str]], function: str | None) -> Tests | str:
    """The tests of LiveCodeBench: for programs, or for a function whose arguments are one line of JSON each.

    >>> cases = [{"input": "[1, 2]\\n3", "output": "true", "testtype": "functional"}]
    >>> livecodebench_tests(cases, "has")
    {'kind': 'call', 'entry_point': 'has', 'cases': [{'args': [[1, 2], 3], 'expected': True}]}
    """
    cases = list(cases)
    kinds = {case["testtype"] for case in cases}
    if kinds == {"stdin"}:
        return stdio(cases)
    if kinds != {"functional"} or not function:
        return f"a mixture of {', '.join(sorted(kinds)) or 'nothing'}"
    try:
        calls = [{"args": _json_lines(case["input"]), "expected": json.loads(case["output"])} for case in cases]
    except ValueError as error:
        return f"not JSON: {error}"
    return {"kind": "call", "entry_point": function, "cases": calls}


def hidden_cases(packed: str) -> list[dict[str, str]]:
    """LiveCodeBench's hidden cases: JSON, or JSON in a pickle in zlib in base64. Raises ValueError.

    A pickle from the network can run anything, so this one may hold nothing but a text.
    """
    if packed.lstrip().startswith("["):
        return list(json.loads(packed))
    try:
        text = _TextOnly(io.BytesIO(zlib.decompress(base64.b64decode(packed)))).load()
    except (zlib.error, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"hidden test cases cannot be unpacked: {error}") from None
    return list(json.loads(text))


class _TextOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def _json_lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line.strip()]
