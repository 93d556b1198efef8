"""Traces as lessons: masks, the student's own template, what is left out, and an order that resuming can repeat."""

from __future__ import annotations

from collections import Counter

import pytest

from r1rl.errors import UserError
from r1rl.traces.lessons import Form, Lessons, lessons
from tests.traces import folder, group, trace

TEXTS = [f" {a}+{b}=? <think>{a}+{b}, way 1</think><answer>{a + b}</answer>" for a in range(10, 20) for b in range(7)]


@pytest.fixture(scope="module")
def tokenizer():
    from r1rl import chat
    from r1rl.policy.tokenizer import train

    return train(TEXTS, chat.pieces("")[0])


@pytest.fixture
def form(tokenizer):
    return Form(tokenizer=tokenizer, template="r1_zero", max_length=64)


def test_only_the_completion_is_learnt_and_it_ends(form, tokenizer, tmp_path):
    taught = lessons(folder(tmp_path / "t", group(0)), form, seed=0, validation=0.0, cache=tmp_path)
    sample = taught.sample(0)
    assert tokenizer.decode(list(sample.prompt_ids_T)).endswith("User: 10+7=? Assistant:")
    assert tokenizer.decode(list(sample.token_ids_T[:-1])) == trace(0, 0).response
    assert sample.token_ids_T[-1] == tokenizer.eos_token_id
    assert sample.advantages_T == (1.0,) * len(sample.token_ids_T)


def test_what_the_template_has_written_is_not_learnt_again(tokenizer):
    import copy

    chatting = copy.deepcopy(tokenizer)
    chatting.chat_template = "{% for m in messages %}User: {{ m.content }}{% endfor %} Assistant:"
    form = Form(tokenizer=chatting, template="thinking", max_length=99)
    for begun in ("<think>\n", "<think>"):
        prompt, completion = form.tokens("1+1=?", f"{begun}2</think><answer>2</answer>")
        assert "<think>" in chatting.decode(prompt)
        assert chatting.decode(completion[:-1]) == "2</think><answer>2</answer>"


def test_too_long_and_ending_twice_are_left_out_never_cut(form, tmp_path):
    long = trace(1, response="<think>" + "9+" * 80 + "</think><answer>18</answer>")
    twice = trace(2, response="<think>1<|end|>2</think><answer>19</answer>")
    taught = lessons(folder(tmp_path / "t", [*group(0), long, twice]), form, seed=0, validation=0.0, cache=tmp_path)
    assert taught.left_out == Counter({"longer than policy.max_length": 1, "holds the student's end token": 1})
    assert len(taught.train) == 2
    with pytest.raises(UserError, match="no trace of"):
        lessons(folder(tmp_path / "u", [long]), form, seed=0, validation=0.0, cache=tmp_path)


def test_a_problem_is_learnt_or_measured_never_both(form, tmp_path):
    traces = [t for ordinal in range(40) for t in group(ordinal, 3)]
    taught = lessons(folder(tmp_path / "t", traces), form, seed=0, validation=0.3, cache=tmp_path)
    ids = [{taught.rows[i]["id"] for i in part} for part in (taught.train, taught.validation)]
    assert not ids[0] & ids[1]
    assert 4 <= len(ids[1]) <= 20
    assert len(taught.train) + len(taught.validation) == 120
    assert len(taught.measured(5)) == 5


def test_each_epoch_has_every_trace_once_and_steps_can_be_repeated():
    def made(seed):
        rows = [{"prompt": [i], "completion": [i]} for i in range(10)]
        return Lessons(rows=rows, train=tuple(range(10)), validation=(), left_out=Counter(), seed=seed)

    def order(taught, steps):
        return [[s.prompt_ids_T[0] for s in taught.batch(step, 4)] for step in steps]

    straight = order(made(0), range(1, 6))
    seen = [i for batch in straight for i in batch]
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]
    assert order(made(0), [4, 2]) == [straight[3], straight[1]]  # 4 lies in the second epoch
    assert order(made(1), range(1, 6)) != straight
    assert made(0).steps(batch=4, epochs=2.0) == 5
