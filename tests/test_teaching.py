"""The teacher beside the learner's policy: its loss against a plain one, over micro-batches that just add."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from r1rl.policy import init
from r1rl.policy import model as policy_model
from r1rl.policy.divergence import Divergence
from r1rl.policy.teaching import Companion, Teaching


@dataclass
class Rows:
    ids_BT: torch.Tensor
    keep_BT: torch.Tensor


@dataclass
class Counts:
    tokens: int


@pytest.fixture
def pair(tmp_path):
    from r1rl.policy.tokenizer import train

    own = train(["12+3=15"], "instruction")
    policy_model.save(init.make("qwen3-micro", own, 64, 1), torch.float32, tmp_path)
    student = init.make("llama-micro", own, 64, 0)
    teaching = Teaching(folder=tmp_path, divergence=Divergence(kind="forward_kl"), temperature=0.8)
    return student, Companion(student, teaching)


def run(student, companion, rows, totals):
    with companion.training(rows):
        student.base_model(input_ids=rows.ids_BT, use_cache=False)
        return companion.loss(totals)


def test_the_loss_is_the_kl_at_completion_tokens_and_reaches_the_student_only(pair):
    student, companion = pair
    ids = torch.randint(0, 90, (2, 7))
    keep = torch.zeros(2, 7, dtype=torch.bool)
    keep[0, 3:6] = keep[1, 5:] = True
    found = run(student, companion, Rows(ids, keep), Counts(5))
    p, q = (torch.log_softmax(m(input_ids=ids).logits / 0.8, -1) for m in (companion.teacher, student))
    kl = (p.exp() * (p - q)).sum(-1)
    places = [(0, 2), (0, 3), (0, 4), (1, 4), (1, 5)]  # the position before each kept token
    torch.testing.assert_close(found, sum(kl[place] for place in places) / 5)
    found.backward()
    assert all(p.grad is not None for p in student.parameters())
    assert all(p.grad is None for p in companion.teacher.parameters())


def test_micro_batches_add_and_the_metric_is_their_sum(pair):
    student, companion = pair
    ids = torch.randint(0, 90, (2, 7))
    keep = torch.ones(2, 7, dtype=torch.bool)
    keep[:, :3] = False
    whole = run(student, companion, Rows(ids, keep), Counts(8))
    companion.after_step(lambda x: x)
    parts = [run(student, companion, Rows(ids[i : i + 1], keep[i : i + 1]), Counts(8)) for i in (0, 1)]
    torch.testing.assert_close(whole, sum(parts))
    assert companion.after_step(lambda x: x)["policy/divergence/mean"] == pytest.approx(whole.item(), rel=1e-5)
    assert companion.after_step(lambda x: x)["policy/divergence/mean"] == 0.0


def test_in_a_packed_row_no_sample_sees_another(tmp_path, pair):
    from r1rl.batch import collate
    from r1rl.policy.scorer import Scorer
    from r1rl.types import Sample

    student, companion = pair
    plain = companion.teacher
    expected, tokens = 0.0, 0
    samples = []
    for prompt, answer in (((5, 6, 7), (8, 9)), ((5,), (3, 4, 10, 11)), ((20, 21), (22,))):
        ids = torch.tensor([prompt + answer])
        p, q = (torch.log_softmax(m(input_ids=ids).logits / 0.8, -1) for m in (plain, student))
        kl = (p.exp() * (p - q)).sum(-1)[0]
        expected += kl[len(prompt) - 1 : -1].sum().item()
        tokens += len(answer)
        zeros = (0.0,) * len(answer)
        samples.append(Sample(prompt_ids_T=prompt, token_ids_T=answer, logprobs_T=zeros, advantages_T=zeros))
    scorer = Scorer(student)
    packed = Companion(student, companion.teaching)
    batch = collate(samples, torch.device("cpu"))
    with packed.training(batch):
        scorer(batch.ids_BT, batch.packing, batch.places_K, 1.0)
        found = packed.loss(Counts(tokens))
    assert found.item() == pytest.approx(expected / tokens, rel=1e-4)
