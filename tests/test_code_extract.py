"""The code reward reads a completion: what of it is the program, and what is none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.rewards import code
from r1rl.types import Problem, Verdict

PROBLEM = Problem(
    id="a", question="…", gold="", meta={"tests": {"kind": "stdio", "cases": [{"input": "", "output": "1"}]}}
)


@pytest.mark.parametrize(
    ("completion", "program"),
    [
        ("```python\na\n```", "a\n"),
        ("```py\na\n```", "a\n"),
        ("```\na\n\nb\n```", "a\n\nb\n"),
        ("```Python\na\n```\nso\n```python\nb\n```", "b\n"),
        ("```python\na\n```\n```text\nout\n```", "a\n"),
        ("<think>```python\nx\n```</think>```python\na\n```", "a\n"),
        ("<think>x<answer>```python\nx\n```</answer></think><answer>\n```python\na\n```\n</answer>", "a\n"),
        ("</think><answer>```python\na\n```</answer>", "a\n"),
        ("````python\na\n```\nb\n````", "a\n```\nb\n"),
        ("1. so\n   ```python\n   if a:\n     b\n   ```", "if a:\n  b\n"),
        ("```python\r\na\r\n```\r\n", "a\r\n"),
        ("", None),
        ("a = 1", None),
        ("`a`", None),
        ("```python\na", None),
        ("```python\na\n```\n```python\nb", None),
        ("<think>\n```python\na\n```", None),
        ("</think><think>\n```python\na\n```", None),
        ("```python\na\n```</think>so", None),
        ("```cpp\na\n```", None),
        ("```text\n```python\na\n```", None),
    ],
)
def test_the_program_is_the_last_closed_block_after_the_thinking(completion, program):
    assert code.extract(completion) == program
    if program is None:
        assert code.correct(PROBLEM, completion).verdict is Verdict.NO_ANSWER


@given(st.text(alphabet="`~\n pyhon<>/think", max_size=60))
def test_any_text_is_read(text):
    assert code.extract(text) is None or isinstance(code.extract(text), str)


@pytest.mark.parametrize(
    "bomb", ["`" * 1_000_000, "```\n" * 250_001, " " * 1_000_000, "<answer>" * 125_000, "\n" * 10**6]
)
def test_a_megabyte_takes_no_time(bomb):
    start = time.perf_counter()
    assert code.correct(PROBLEM, bomb).verdict is not Verdict.CORRECT
    assert time.perf_counter() - start < 3
