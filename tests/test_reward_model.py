"""A learned reward: what it is asked, and how its number enters a score."""

from __future__ import annotations

import pytest
import torch

import r1rl.reward_model as module
from r1rl.errors import UserError
from r1rl.reward_model import Classifier, ModelSpec, RewardModel
from r1rl.types import Completion, Group, Problem, Score, ScoredGroup, Verdict


def classifier(tmp_path, monkeypatch, labels):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    from r1rl.policy.tokenizer import train

    tokenizer = train(["12+3=15 good bad"], "instruction")
    tokenizer.save_pretrained(tmp_path)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=len(tokenizer), num_labels=labels, pad_token_id=0, **shape)
    LlamaForSequenceClassification(config).save_pretrained(tmp_path)
    monkeypatch.setattr(module, "redirect_output", lambda log: None)
    return Classifier(
        ModelSpec(folder=tmp_path, device="cpu", dtype="float32", threads=1, max_length=40, log=tmp_path / "log")
    )


PAIRS = [("12+3=", "15"), ("1+1=", "good good good 2"), ("2+2=", "4")]


@pytest.mark.parametrize("labels", [1, 2])
def test_a_score_does_not_depend_on_what_else_is_asked(tmp_path, monkeypatch, labels):
    model = classifier(tmp_path, monkeypatch, labels)
    together = model.score(PAIRS)
    assert len(set(together)) == 3
    assert together == pytest.approx([model.score([pair])[0] for pair in PAIRS], abs=1e-5)


def test_two_labels_are_good_against_bad(tmp_path, monkeypatch):
    model = classifier(tmp_path, monkeypatch, 2)
    logits = model.model(**model._encode(PAIRS[:1])).logits[0]
    assert model.score(PAIRS[:1])[0] == pytest.approx((logits[1] - logits[0]).item(), abs=1e-6)


def test_three_labels_are_no_reward(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="has 3 labels"):
        classifier(tmp_path, monkeypatch, 3)


def test_its_part_is_added_and_what_nobody_could_grade_is_not_asked(monkeypatch):
    seen = []

    class Actor:
        def call(self, method, pairs):
            seen.extend(pairs)
            return [0.5] * len(pairs)

    monkeypatch.setattr(module, "wait_one", lambda actor, reference, seconds, doing: reference)
    scores = [
        Score(value=1.0, parts={"math:correct": 1.0}, verdict=Verdict.CORRECT, detail=""),
        Score(value=0.0, parts={}, verdict=Verdict.UNGRADABLE, detail="hung"),
        Score(value=0.0, parts={"math:correct": 0.0}, verdict=Verdict.WRONG, detail=""),
    ]
    completion = Completion(token_ids_T=(1,), logprobs_T=(0.0,), finish="stop", version=0)
    group = Group(
        problem=Problem(id="a", question="1+1?", gold="2"), prompt_ids_T=(1,), completions_G=(completion,) * 3
    )
    texts = ("<think>1+1</think> 2", "x", "3")
    scored = ScoredGroup(group=group, texts_G=texts, scores_G=tuple(scores))
    (found,) = RewardModel(actor=Actor(), weight=2.0, deadline_s=1.0).add([scored])
    assert [s.value for s in found.scores_G] == [2.0, 0.0, 1.0]
    assert found.scores_G[0].parts == {"math:correct": 1.0, "reward_model": 0.5}
    assert found.scores_G[1] == scores[1]
    assert seen == [("1+1?", "2"), ("1+1?", "3")]
