"""Sampling traces with stand-in engines: what is asked, what a stop leaves, what each row says of its origin."""

from __future__ import annotations

import io
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from rich.console import Console

import r1rl.sampling.run as sampling
from r1rl import chat
from r1rl.cluster import Hardware
from r1rl.errors import UserError
from r1rl.evaluation import presets
from r1rl.evaluation.ask import plan_of
from r1rl.evaluation.target import Target
from r1rl.judge import RewardSpec
from r1rl.recipe import load_recipe
from r1rl.sampling.questions import open_questions
from r1rl.traces.store import read
from r1rl.types import Completion, Verdict

RECIPE = load_recipe("r1_zero_tiny")


class Engines:
    """Answers each prompt with its seed in the text; the first two answers right, the rest wrong. Stops after some."""

    def __init__(self, tokenizer, stop_after=10**9):
        self.tokenizer, self.stop_after, self.asked = tokenizer, stop_after, []

    def stream(self, prompts, sampling, at_once):
        for prompt, seed in prompts:
            if len(self.asked) == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(prompt.ordinal)
            texts = [
                f"<think>{seed % 997}</think><answer>{prompt.problem.gold if n < 2 else 0}</answer>"
                for n in range(sampling.samples)
            ]
            yield prompt, [self._completion(text) for text in texts]

    def _completion(self, text):
        ids = tuple(chat.encode_completion(self.tokenizer, text))
        return Completion(token_ids_T=ids, logprobs_T=(0.0,) * len(ids), finish="stop", version=7)


@pytest.fixture
def policy(tmp_path):
    from r1rl.policy.tokenizer import train

    folder = tmp_path / "policy"
    tokenizer = train([f" {a}+7=? <think>{a}</think><answer>{a}</answer>" for a in range(99)], chat.pieces("")[0])
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text("{}")
    return Target(name="runs/a", folder=folder, version=7, run=None, recipe=RECIPE)


def do(monkeypatch, policy, out, stop_after=10**9, problems=6, k=3, **changes):
    engines = Engines(chat.load_tokenizer(policy.folder), stop_after)

    @contextmanager
    def started(plan, hw, logs):
        logs.mkdir(parents=True, exist_ok=True)
        yield engines

    monkeypatch.setattr(sampling, "sampling_engines", started)
    monkeypatch.setattr(sampling.cluster, "connected", lambda address: nullcontext())
    monkeypatch.setattr(
        sampling.cluster, "hardware", lambda dtype: Hardware(device="cpu", dtype="float32", gpus=0, threads=1)
    )
    questions = asked(policy, count=problems)
    plan = plan_of(
        policy,
        presets.choose(None, RECIPE, **{"samples": k, "temperature": 1.0} | changes),
        seed=3,
        workers=1,
        at_once=8,
        memory_gib=None,
        dtype=None,
        address=None,
    )
    try:
        numbers = sampling.sample(Console(file=io.StringIO()), plan, questions, out)
    except KeyboardInterrupt:
        numbers = None
    return engines.asked, numbers


def asked(policy, **changes):
    settings = {"data": None, "options": {}, "reward": None, "seed": 3, "first": 0, "count": 6} | changes
    return open_questions(policy, against=(), contaminated="refuse", **settings)


def test_a_stopped_sampling_goes_on_and_ends_with_what_it_would_have_had(monkeypatch, policy, tmp_path):
    straight, numbers = do(monkeypatch, policy, tmp_path / "straight")
    assert straight == list(range(6))
    assert numbers == {"traces": 18.0, "correct": pytest.approx(2 / 3), "tokens": pytest.approx(9.0, abs=4)}
    assert do(monkeypatch, policy, tmp_path / "stopped", stop_after=2) == ([0, 1], None)
    assert do(monkeypatch, policy, tmp_path / "stopped")[0] == [2, 3, 4, 5]
    assert do(monkeypatch, policy, tmp_path / "stopped")[0] == []
    assert list(read(tmp_path / "stopped")) == list(read(tmp_path / "straight"))


def test_more_problems_can_be_asked_later(monkeypatch, policy, tmp_path):
    do(monkeypatch, policy, tmp_path / "t", problems=2)
    assert do(monkeypatch, policy, tmp_path / "t", problems=5)[0] == [2, 3, 4]


def test_other_traces_are_not_mixed_in(monkeypatch, policy, tmp_path):
    do(monkeypatch, policy, tmp_path / "t", problems=2)
    with pytest.raises(UserError, match="holds other traces: samples differ"):
        do(monkeypatch, policy, tmp_path / "t", k=4)
    with pytest.raises(UserError, match="temperature"):
        do(monkeypatch, policy, tmp_path / "t", temperature=0.5)
    (policy.folder / "config.json").write_text('{"other": 1}')
    with pytest.raises(UserError, match="model_digest"):
        do(monkeypatch, policy, tmp_path / "t")


def test_every_row_says_where_it_comes_from(monkeypatch, policy, tmp_path):
    do(monkeypatch, policy, tmp_path / "t", problems=1)
    first, _, last = read(tmp_path / "t")
    assert (first.verdict, last.verdict) == (Verdict.CORRECT, Verdict.WRONG)
    assert (first.version, first.template, first.temperature, first.max_tokens) == (7, "r1_zero", 1.0, 40)
    assert first.judge.startswith("number:correct {}, version ")
    assert first.data == "addition {'digits': 2, 'guess_share': 0.65}"
    assert len(first.model_digest) == len(first.prompt_sha) == 64
    assert first.response.startswith("<think>")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"count": None}, "without end"),
        ({"data": "math500"}, "is for evaluation"),
        ({"data": "adition"}, "there is no data adition"),
        ({"data": "addition"}, "nobody knows how to judge"),
        ({"data": "addition", "options": {"digits": 99}}, "digits must be"),
    ],
)
def test_what_cannot_be_asked_is_refused(policy, changes, says):
    with pytest.raises(UserError, match=says):
        asked(policy, **changes)


def test_a_judge_can_be_named(policy):
    found = asked(policy, data="addition", reward=RewardSpec(fn="number:correct"), first=4, count=2)
    assert [ordinal for ordinal, _ in found.problems()] == [4, 5]
    assert found.sha != asked(policy).sha
    assert Path(found.name).name == "addition {}"
