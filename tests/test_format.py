"""Forms: all or nothing, for each of the three and with templates that open the thinking themselves."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.rewards import format as form
from r1rl.types import Problem

ANY = Problem(id="any", question="…", gold="42")

pieces = st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "\\boxed{", "}", "42", " ", "\n", "\u200b"])
completions = st.lists(pieces, max_size=12).map("".join)


@pytest.mark.parametrize(
    ("completion", "reward"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        ("  <think>a</think>\n<answer>b</answer>\n", 1.0),
        ("<think> a < b </think> <answer> <b> </answer>", 1.0),
        ("<think></think><answer>b</answer>", 0.0),
        ("<think>a</think><answer> \n</answer>", 0.0),
        ("<think>a</think>so<answer>b</answer>", 0.0),
        ("so <think>a</think><answer>b</answer>", 0.0),
        ("<think>a</think><answer>b</answer>!", 0.0),
        ("<think>a</think><answer>b</answer><answer>b</answer>", 0.0),
        ("<think>a<think>b</think><answer>b</answer>", 0.0),
        ("<think>a</answer></think><answer>b", 0.0),
        ("<answer>b</answer><think>a</think>", 0.0),
        ("<think>a<answer>b</answer></think>", 0.0),
        ("<Think>a</Think><answer>b</answer>", 0.0),
        ("<think>a</think>", 0.0),
        ("<answer>b</answer>", 0.0),
        ("", 0.0),
        ("<think>\u200b</think><answer>b</answer>", 0.0),
        ("<think>a</think><answer>\u200b\u2060</answer>", 0.0),
        ("<think>a</think><answer>b</answer>\u200b", 0.0),
        ("<think>a</think ><answer>b</answer>", 0.0),
    ],
)
def test_form(completion, reward):
    assert form.r1_zero(ANY, completion) == reward


@given(completions)
def test_form_is_what_the_obvious_version_says(completion):
    body = r"((?:(?!</?think>|</?answer>).)*[^\s\u200b](?:(?!</?think>|</?answer>).)*)"
    obvious = re.fullmatch(rf"\s*<think>{body}</think>\s*<answer>{body}</answer>\s*", completion, re.DOTALL)
    assert form.r1_zero(ANY, completion) == float(bool(obvious))


@pytest.mark.parametrize(
    ("completion", "r1", "boxed"),
    [
        ("<think>a</think> It is \\boxed{b}.", 1.0, 1.0),
        ("<think>it is \\boxed{c}</think> It is \\boxed{b}.", 1.0, 1.0),  # boxes in the thinking are drafts
        ("<think>a</think> It is \\boxed{\\frac{1}{2}}.", 1.0, 1.0),
        ("<think>a</think> It is b.", 1.0, 0.0),
        ("<think>a \\boxed{b}</think> It is b.", 1.0, 0.0),
        ("<think>a</think> \\boxed{b} \\boxed{b}", 1.0, 0.0),
        ("<think>a</think> \\boxed{} \\boxed{b}", 1.0, 0.0),
        ("<think>a</think> \\boxed{b", 1.0, 0.0),
        ("<think>a</think> \\boxed{ }", 1.0, 0.0),
        ("<think>a</think> \\boxed{\u200b}", 1.0, 0.0),
        ("<think>a</think>", 0.0, 0.0),
        ("<think> </think> \\boxed{b}", 0.0, 0.0),
        ("<think>a</think> b </think> \\boxed{b}", 0.0, 0.0),
        ("<think>a</think> <think>b</think> \\boxed{b}", 0.0, 0.0),
        ("so <think>a</think> \\boxed{b}", 0.0, 0.0),
        ("<think>a \\boxed{b}", 0.0, 0.0),
        ("a</think> \\boxed{b}", 0.0, 0.0),
        ("\\boxed{b}", 0.0, 0.0),
        ("<think>a</think><answer>\\boxed{b}</answer>", 0.0, 0.0),
    ],
)
def test_chat_forms(completion, r1, boxed):
    assert (form.r1(ANY, completion), form.boxed(ANY, completion)) == (r1, boxed)


@given(completions)
def test_no_text_has_two_forms(completion):
    assert form.r1_zero(ANY, completion) + form.r1(ANY, completion) <= 1
    assert form.boxed(ANY, completion) <= form.r1(ANY, completion)
