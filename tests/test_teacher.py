"""On-policy distillation: the teacher's word per token against the reverse KL it stands for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1rl import algorithms
from r1rl.errors import UserError
from r1rl.loss import Tokens, Totals, loss
from r1rl.teacher import require_same_tokenizer, taught
from r1rl.types import Sample


def sample(ids, logprobs):
    return Sample(prompt_ids_T=(1,), token_ids_T=tuple(ids), logprobs_T=tuple(logprobs), advantages_T=(0.0,) * len(ids))


@given(st.lists(st.tuples(st.floats(-20, 0), st.floats(-20, 0)), min_size=1, max_size=9))
def test_an_advantage_is_how_much_likelier_the_teacher_finds_the_token(pairs):
    own, teacher = [a for a, _ in pairs], [b for _, b in pairs]
    (found,) = taught([sample(range(len(pairs)), own)], [teacher])
    assert found.advantages_T == tuple(b - a for a, b in pairs)
    assert found.logprobs_T == tuple(own)


def test_the_expected_gradient_is_that_of_the_reverse_kl():
    """Over all tokens of a small vocabulary, weighted as the student samples them."""
    torch.manual_seed(0)
    logits = torch.randn(7, requires_grad=True)
    teacher = torch.log_softmax(torch.randn(7), -1)
    student = torch.log_softmax(logits, -1)
    kl = (student.exp() * (student - teacher)).sum()
    (expected,) = torch.autograd.grad(kl, logits)

    found = torch.zeros(7)
    for token in range(7):
        logprob = torch.log_softmax(logits, -1)[token : token + 1]
        (s,) = taught([sample([token], [logprob.item()])], [[teacher[token].item()]])
        tokens = Tokens(
            logprobs_K=logprob,
            entropy_K=torch.zeros(1),
            sampler_logprobs_K=logprob.detach(),
            old_logprobs_K=logprob.detach(),
            reference_logprobs_K=None,
            advantages_K=torch.tensor(s.advantages_T),
            sequence_K=torch.tensor([0]),
        )
        terms = loss(tokens, Totals(tokens=1, sequences=1, max_tokens=1), algorithms.get("opd"))
        (gradient,) = torch.autograd.grad(terms.loss, logits)
        found += student[token].exp().item() * gradient
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_without_a_teacher_there_are_no_advantages():
    with pytest.raises(UserError, match="learns from a teacher"):
        algorithms.get("opd").advantage([[1.0]], [[True]])


class Words:
    """A tokenizer as far as its vocabulary."""

    def __init__(self, *words, end=0):
        self.words, self.eos_token_id = words, end

    def get_vocab(self):
        return {word: i for i, word in enumerate(self.words)}


def test_another_tokenizer_is_refused_and_text_named_as_the_way():
    require_same_tokenizer(Words("a", "b"), Words("a", "b"))
    for other in (Words("a", "b", "c"), Words("b", "a"), Words("a", "b", end=1)):
        with pytest.raises(UserError, match="different tokenizers") as caught:
            require_same_tokenizer(Words("a", "b"), other)
        assert "method: sft" in caught.value.instead


def test_the_teachers_log_probs_are_those_of_a_plain_loop(tmp_path, monkeypatch):
    import r1rl.teacher as module
    from r1rl.policy import init
    from r1rl.policy import model as policy_model
    from r1rl.policy.tokenizer import train

    own = train(["12+3=15"], "instruction")
    policy_model.save(init.make("llama-micro", own, 64, 0), torch.float32, tmp_path)
    monkeypatch.setattr(module, "redirect_output", lambda log: None)
    spec = module.TeacherSpec(
        folder=tmp_path, device="cpu", dtype="float32", threads=1, microbatch_tokens=16, log=tmp_path / "log"
    )
    frozen = module.Frozen(spec)
    plain_model = policy_model.load(tmp_path, torch.float32, torch.device("cpu"))
    samples = [sample([5, 9, 4], [0.0] * 3), sample([7], [0.0]), sample([3, 3, 3, 8, 1], [0.0] * 5)]
    for s, found in zip(samples, frozen.logprobs(samples, 0.7), strict=True):
        ids = torch.tensor([[*s.prompt_ids_T, *s.token_ids_T]])
        logits = plain_model(input_ids=ids).logits[0, :-1] / 0.7
        plain = torch.log_softmax(logits, -1).gather(-1, ids[0, 1:, None])[:, 0]
        torch.testing.assert_close(torch.tensor(found), plain.detach(), atol=1e-5, rtol=1e-4)
