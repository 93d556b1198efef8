"""A fuzz of the judge: answers and gold answers that were right once, cut up and put together anew.

Whatever comes of it, the judge says one of its verdicts. An exception would make an answer ungradable, and with that
masked: a prize for a policy that finds one. Run longer with `--hypothesis-seed=… ` and R1RL_FUZZ, the examples.
"""

import json
import os
import re
import signal
import traceback
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.graders import OWN
from r1rl.answer.extract import boxed
from r1rl.rewards.math import PLACES, correct
from r1rl.types import Problem, Verdict

EXAMPLES = int(os.environ.get("R1RL_FUZZ", "300"))
PATIENCE_S = 5.0
CASES = [json.loads(line) for line in (OWN / "written_differently.jsonl").read_text().splitlines()]
TEXTS = sorted({case["gold"] for case in CASES} | {text for case in CASES for text in boxed(case["pred"])})
TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|\w|\s|.", re.DOTALL)
PIECES = sorted({token for text in TEXTS for token in TOKEN.findall(text)} | {"<think>", "</think>", r"\boxed{", "\0"})
WRAPPERS = (r"\boxed{%s}", "%s", "<answer>%s</answer>", "The final answer is $%s$.", r"\boxed{%s")


@st.composite
def mutations(draw):
    tokens = TOKEN.findall(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(tokens)))
        piece = draw(
            st.one_of(st.sampled_from(PIECES).map(lambda one: [one]), st.sampled_from(TEXTS).map(TOKEN.findall))
        )
        how = draw(st.sampled_from(["insert", "delete", "repeat"]))
        if how == "insert":
            tokens[at:at] = piece
        elif how == "delete":
            del tokens[at : at + draw(st.integers(1, 3))]
        else:
            tokens[at:at] = tokens[at : at + draw(st.integers(1, 6))] * draw(st.sampled_from([1, 2, 20]))
    return "".join(tokens)


class TookLong(BaseException):
    """Not an Exception: math-verify catches those."""


@contextmanager
def a_judges_patience():
    """math-verify, asked about golds we can't read, takes for ever over some (`|1|1|1…`): judges are processes with a
    deadline for that. Nothing of ours may take so long. Counts CPU time, as pytest-timeout uses the other clock."""

    def stop(*_):
        raise TookLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE_S)
    try:
        yield
    except TookLong as late:
        files = [frame.filename for frame in traceback.extract_tb(late.__traceback__)]
        assert any("latex2sympy" in file or "math_verify" in file or "sympy" in file for file in files), files
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@given(mutations(), mutations(), st.sampled_from(WRAPPERS), st.sampled_from(sorted(PLACES)))
@settings(max_examples=EXAMPLES)
def test_a_mutated_answer_gets_a_verdict(gold, answer, wrapper, extract):
    for text in (answer, gold):
        with a_judges_patience():
            judgement = correct(Problem(id="a", question=answer, gold=gold), wrapper % text, extract=extract)
            assert judgement.value == float(judgement.verdict is Verdict.CORRECT)


@pytest.mark.parametrize(
    "answer",
    [
        r"(\langle 0,4)4",
        r"\langle 1,2]",
        r"[1,2\rangle",
        r"21,\{\}",
        r"\text{①③}",
        r"\{\{\}\}",
        "x=y=",
        r"\begin{cases}\end{cases}",
        "(A) ",
        "1,\\{\\}=2",
    ],
)
def test_what_broke_it_once(answer):
    for gold in ("2", r"\{1,2\}", r"\text{①③}", "(C) 12", r"\begin{cases}1&x\end{cases}", "f(x)=cx"):
        for extract in PLACES:
            assert (
                correct(Problem(id="a", question="", gold=gold), rf"\boxed{{{answer}}}", extract=extract).verdict
                in Verdict
            )
