"""Completions held back in vLLM's engine process come out whole, with the log-prob and version of every token."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.engine import scheduler
from r1rl.engine.scheduler import Holding, Ledger, unpack


class Vllm:
    """As much of vLLM's scheduler as matters: outputs of one batch, and aborting."""

    def update_from_output(self, scheduler_output, model_output):
        assert model_output.logprobs is None  # else vLLM would send them along, token by token
        return {0: SimpleNamespace(outputs=scheduler_output)}

    def finish_requests(self, request_ids, finished_status):
        return [SimpleNamespace(request_id=r) for r in request_ids]


class Scheduler(Holding, Vllm):
    pass


@pytest.fixture(autouse=True)
def ledger(monkeypatch):
    fresh = Ledger()
    monkeypatch.setattr(scheduler, "LEDGER", fresh)
    return fresh


def output(request, tokens, finished=False, routes=None):
    return SimpleNamespace(request_id=request, new_token_ids=tokens, finished=finished, routed_experts=routes)


def batch(requests, logprobs, starts=None):
    """What the model runner gives: a row per request, or rows from `starts` on when a step made several tokens."""
    values = SimpleNamespace(
        logprobs=np.asarray([[x, 9.0] for x in logprobs], np.float32), cu_num_generated_tokens=starts
    )
    return SimpleNamespace(req_id_to_index={r: i for i, r in enumerate(requests)}, logprobs=values)


def step(requests, outputs, logprobs, starts=None):
    return Scheduler().update_from_output(outputs, batch(requests, logprobs, starts))[0].outputs


def test_nothing_travels_before_the_end_and_then_everything(ledger):
    ledger.version = 3
    assert step(["a", "b"], [output("a", [5]), output("b", [6])], [-0.5, -1.0]) == []
    sent = step(["b", "a"], [output("a", [7], finished=True), output("b", [8])], [-2.0, -0.25])
    assert [(o.request_id, o.new_token_ids) for o in sent] == [("a", [5, 7])]
    assert [(unpack(x), v) for x, v in ledger.take(["a"])] == [((-0.5, -0.25), [3])]


def test_a_request_in_prefill_brings_nothing(ledger):
    assert step(["a"], [output("a", [], finished=True)], [-9.0])[0].new_token_ids == []
    assert ledger.take(["a"]) == [(b"", [])]


def test_several_tokens_of_one_step_have_their_rows(ledger):
    step(["a", "b"], [output("a", [1, 2], True), output("b", [3], True)], [-1.0, -2.0, -3.0], starts=[0, 2, 3])
    assert [unpack(x) for x, _ in ledger.take(["a", "b"])] == [(-1.0, -2.0), (-3.0,)]


def test_routed_experts_come_with_the_tokens():
    rows = [
        np.full((n, 2, 1), t) for t, n in enumerate((5, 1, 1))
    ]  # of the prompt and the first token, then of one each
    sent = [step(["a"], [output("a", [t], t == 2, rows[t])], [-1.0]) for t in range(3)]
    assert sent[:2] == [[], []]
    assert sent[2][0].new_token_ids == [0, 1, 2]
    assert sent[2][0].routed_experts[:, 0, 0].tolist() == [0] * 5 + [1, 2]


def test_tokens_of_two_versions_say_so(ledger):
    step(["a"], [output("a", [1])], [-1.0])
    ledger.version = 1
    step(["a"], [output("a", [2], finished=True)], [-1.0])
    assert ledger.take(["a"])[0][1] == [-1, 1]


def test_the_aborted_are_forgotten(ledger):
    step(["a", "b"], [output("a", [1]), output("b", [1])], [-1.0, -1.0])
    Scheduler().finish_requests(["a"], "aborted")
    assert ledger._written.keys() == {"b"}


@given(st.lists(st.lists(st.floats(-100, 0, width=32), min_size=1, max_size=6), min_size=1, max_size=5))
def test_any_interleaving_gives_each_request_its_own(rows):
    scheduler.LEDGER = ledger = Ledger()
    got = {}
    for t in range(max(map(len, rows))):
        alive = [r for r, values in enumerate(rows) if t < len(values)]
        order = alive[t % len(alive) :] + alive[: t % len(alive)]  # the batch's order is not the scheduler's
        outputs = [output(str(r), [10 * r + t], t + 1 == len(rows[r])) for r in alive]
        for sent in step([str(r) for r in order], outputs, [rows[r][t] for r in order]):
            got[sent.request_id] = (sent.new_token_ids, unpack(ledger.take([sent.request_id])[0][0]))
    assert got == {str(r): ([10 * r + t for t in range(len(v))], tuple(v)) for r, v in enumerate(rows)}
    assert not ledger._written
