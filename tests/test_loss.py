"""What every algorithm's loss shares: sums that micro-batches add up to, corrections, entropy, KL-Cov and metrics."""

from __future__ import annotations

import doctest
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import r1rl.correction
import r1rl.loss.covariance
import r1rl.loss.statistics
import r1rl.loss.tokens
from r1rl import algorithms
from r1rl.algorithm import SFT
from r1rl.correction import NONE, PRESETS
from r1rl.loss import Totals, kl, loss, merge, metrics, weight
from r1rl.loss.covariance import Outliers
from r1rl.types import Sample
from tests import steps
from tests.slow_losses import SLOW
from tests.steps import STEPS, Answer, same, token

relaxed = settings(max_examples=25)
NATS = st.floats(-20, 0)
EVERYTHING = replace(algorithms.get("grpo"), kl_cov=0.1, off_policy_delta=0.1, clip_low=0.1, clip_high=0.1)


def close(a, b):
    return a == pytest.approx(b, rel=1e-9, abs=1e-12)


def flat(rows):
    return [value for row in rows for value in row]


def tensor(values, **options):
    return torch.tensor(values, dtype=torch.float64, **options)


def samples_of(groups, algorithm):
    """The driver's view of a step."""
    return [
        Sample(
            prompt_ids_T=(1,),
            token_ids_T=(2,) * len(answer.tokens),
            logprobs_T=tuple(t.sampler for t in answer.tokens),
            advantages_T=(advantage,) * len(answer.tokens),
        )
        for answer, advantage in zip(steps.answers_of(groups), steps.advantages_of(groups, algorithm), strict=True)
    ]


@pytest.mark.parametrize("algorithm", [*map(algorithms.get, sorted(SLOW)), EVERYTHING], ids=lambda a: a.name)
@relaxed
@given(groups=STEPS, data=st.data())
def test_micro_batches_add_up_to_the_whole_in_any_order_and_size(algorithm, groups, data):
    totals = Totals.of(samples_of(groups, algorithm), steps.MAX_TOKENS, algorithm.kl_cov)
    pairs = list(zip(steps.answers_of(groups), steps.advantages_of(groups, algorithm), strict=True))
    whole = loss(steps.tokens_of(*zip(*pairs, strict=True)), totals, algorithm)
    mixed = data.draw(st.permutations(pairs))
    cut = data.draw(st.integers(1, len(mixed)))
    parts = [
        loss(steps.tokens_of(*zip(*part, strict=True)), totals, algorithm)
        for part in (mixed[:cut], mixed[cut:])
        if part
    ]
    total = sum(p.loss for p in parts)
    assert close(total.item(), whole.loss.item())
    assert close(flat(steps.gradient_of(total, groups)), flat(steps.gradient_of(whole.loss, groups)))
    found = merge([{key: value.item() for key, value in p.sums.items()} for p in parts])
    assert found == pytest.approx({key: value.item() for key, value in whole.sums.items()}, rel=1e-9, abs=1e-12)


def test_ratio_and_advantage_one_is_cross_entropy():
    torch.manual_seed(0)
    logits = torch.randn(6, 9, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 3, 8, 8, 1, 5])
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, targets), logits)
    tokens = replace(
        steps.tokens_of([same(0.0, 2), same(0.0, 4)], [1.0, 1.0]),
        logprobs_K=logits.log_softmax(-1).gather(-1, targets[:, None]).squeeze(-1),
    )
    terms = loss(tokens, Totals(tokens=6, sequences=2, max_tokens=9), SFT)
    (got,) = torch.autograd.grad(terms.loss, logits)
    torch.testing.assert_close(got, expected)
    assert terms.sums["clipped"] == 0


@pytest.mark.parametrize(
    ("ratio", "advantage", "clipped"),
    [
        (1.31, 1.0, True),
        (1.29, 1.0, False),
        (0.5, 1.0, False),  # a good token that became rarer is still pushed up
        (0.79, -1.0, True),
        (0.81, -1.0, False),
        (2.0, -1.0, False),  # a bad token that became likelier is still pushed down
        (9.0, 0.0, False),
    ],
)
def test_the_clip_takes_the_gradient_on_one_side_only(ratio, advantage, clipped):
    algorithm = replace(algorithms.get("dapo"), clip_low=0.2, clip_high=0.3)
    answer = Answer(0.0, (token(math.log(ratio) - 1, -1.0),))
    terms = loss(steps.tokens_of([answer], [advantage]), Totals(tokens=1, sequences=1, max_tokens=1), algorithm)
    terms.loss.backward()
    assert terms.sums["clipped"] == clipped
    assert answer.tokens[0].new.grad.item() == pytest.approx(0.0 if clipped else -ratio * advantage)


@relaxed
@given(NATS, NATS)
def test_k3_is_never_negative_and_zero_where_equal(new, reference):
    assert kl.k3(tensor([new]), tensor([reference])).item() >= -1e-12  # rounding
    assert kl.k3(tensor([new]), tensor([new])).item() == 0


def weights_of(preset, *answers):
    weight_K, outside_K = weight.correction(steps.tokens_of(list(answers), [1.0] * len(answers)), PRESETS[preset])
    return weight_K.tolist(), outside_K.tolist()


def off_by(*factors: float) -> Answer:
    """Tokens that the learner finds likelier than the sampler did, by these factors."""
    return Answer(0.0, tuple(token(-1.0, -1.0, -1.0 - math.log(f)) for f in factors))


def test_presets_by_hand():
    odd, fine = off_by(3.0, 0.5, 1.5), off_by(1.0, 1.0)  # products 2.25 and 1
    inside = [False] * 3
    assert weights_of("none", odd) == ([1, 1, 1], inside)
    assert weights_of("token_tis", odd) == (pytest.approx([2.0, 0.5, 1.5]), [True, False, False])
    assert weights_of("sequence_tis", odd, fine) == (pytest.approx([2, 2, 2, 1, 1]), [True] * 3 + [False] * 2)
    assert weights_of("icepop", off_by(6.0, 0.4, 1.5)) == (pytest.approx([0, 0, 1.5]), [True, True, False])
    assert weights_of("geometric_mask", odd, fine) == ([0, 0, 0, 1, 1], [True] * 3 + [False] * 2)
    drift = off_by(*[1.0005] * 40)  # the product is 1.02, the mean 1.0005
    assert weights_of("geometric_mask", drift)[0] == [1.0] * 40


@relaxed
@given(STEPS, st.sampled_from(sorted(PRESETS)))
def test_weights_are_bounded_and_one_where_sampler_and_learner_agree(groups, preset):
    answers = steps.answers_of(groups)
    weights, _ = weights_of(preset, *answers)
    top = PRESETS[preset].high if PRESETS[preset].weigh else 1.0
    assert all(0 <= w <= top for w in weights)
    agreeing = [Answer(a.reward, tuple(replace(t, sampler=t.old) for t in a.tokens)) for a in answers]
    assert weights_of(preset, *agreeing)[0] == [1.0] * len(weights)


def test_sequence_weights_of_a_hopeless_mismatch_are_still_numbers():
    answers = [off_by(*[1e30] * 50), off_by(*[1e-30] * 50)]
    w_K = weight.mismatch(steps.tokens_of(answers, [1.0, 1.0]), "sequence").float()
    assert (w_K**2).isfinite().all()  # as the effective sample size needs it
    assert w_K[-1] < 1e-8


def test_a_correction_weighs_the_surrogate_and_not_the_kl():
    algorithm = replace(algorithms.get("grpo"), kl=0.5)
    answers = (same(1.0, 1, sampler=-1 - math.log(9)), same(0.0, 1, reference=-2.0))
    with_it, without = (
        steps.gradients([answers], replace(algorithm, correction=PRESETS[name])) for name in ("icepop", "none")
    )
    assert with_it[0] == [0.0] != without[0]
    answers = (same(1.0, 1, sampler=-1 - math.log(9), reference=-2.0), same(0.0, 1))
    assert steps.gradients([answers], replace(algorithm, correction=PRESETS["icepop"]))[0] != [0.0]


def test_an_entropy_bonus_pulls_towards_the_uniform_distribution():
    logits = torch.tensor([[2.0, 0.0, -1.0]], dtype=torch.float64, requires_grad=True)
    logprobs = logits.log_softmax(-1)
    tokens = replace(
        steps.tokens_of([same(0.0, 1)], [0.0]),
        logprobs_K=logprobs[:, 0],
        entropy_K=-(logprobs.exp() * logprobs).sum(-1),
    )
    algorithm = replace(algorithms.get("dapo"), entropy=0.1)
    assert algorithm.entropy_gradient
    assert not algorithms.get("dapo").entropy_gradient
    terms = loss(tokens, Totals(tokens=1, sequences=1, max_tokens=1), algorithm)
    assert close(terms.loss.item(), -0.1 * tokens.entropy_K.item())
    (slope,) = torch.autograd.grad(terms.loss, logits)
    assert slope[0, 0] > 0 > slope[0, 2]  # a step against it lowers the peak


def test_kl_cov_holds_the_tokens_of_largest_covariance_over_the_whole_step():
    sure, unsure = {"new": -0.1, "old": -0.2}, {"new": -3.0, "old": -3.1}
    groups = [(same(1.0, 2, **sure), same(0.0, 2, **unsure)), (same(1.0, 2, **unsure), same(0.0, 2, **sure))]
    algorithm = replace(algorithms.get("dapo"), kl_cov=0.5, correction=NONE)
    totals = Totals.of(samples_of(groups, algorithm), steps.MAX_TOKENS, algorithm.kl_cov)
    tokens = steps.tokens_of(steps.answers_of(groups), steps.advantages_of(groups, algorithm))
    assert totals.outliers.chosen(tokens.sampler_logprobs_K, tokens.advantages_K).tolist() == [
        *[True] * 4,  # likely and good, or unlikely and bad
        *[False] * 4,
    ]
    held = loss(tokens, totals, algorithm)
    free = loss(tokens, replace(totals, outliers=None), algorithm)
    ratio = math.exp(0.1)
    assert close(held.loss.item() - free.loss.item(), 4 / 8 * (ratio - math.log(ratio) - 1))
    assert held.sums["kl_cov"] == 4


@relaxed
@given(STEPS, st.floats(0.01, 1.0))
def test_kl_covs_choice_is_the_slow_one(groups, share):
    samples = samples_of(groups, algorithms.get("dapo"))
    pairs = [(x, a) for s in samples for x, a in zip(s.logprobs_T, s.advantages_T, strict=True)]
    mean_x, mean_a = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    covariances = sorted(((x - mean_x) * (a - mean_a) for x, a in pairs), reverse=True)
    count = max(1, round(share * len(pairs)))
    assert Outliers.of(samples, share).threshold == pytest.approx(covariances[count - 1], abs=1e-4)


def test_metrics_by_hand():
    first, second = off_by(2.0, 1.0), off_by(1.0)
    totals = Totals(tokens=3, sequences=2, max_tokens=5)
    algorithm = replace(algorithms.get("dapo"), clip_high=0.2)
    answers = [replace(first, tokens=(*first.tokens[:1], token(-1.0, -1.5))), second]
    terms = loss(steps.tokens_of(answers, [1.0, -1.0]), totals, algorithm)
    found = metrics({key: value.item() for key, value in terms.sums.items()} | {"max/grad_norm": 0.5}, totals)
    e = math.exp(0.5)
    assert found == pytest.approx(
        {
            "learner/loss": -(2.0 * 1 + 1.2 - 1) / 3,
            "learner/nll/mean": 1.0,
            "learner/entropy/mean": 0.0,
            "learner/ratio/mean": (1 + e + 1) / 3,
            "learner/ratio/max": e,
            "learner/clipped/frac": 1 / 3,
            "learner/corrected/frac": 0.0,
            "learner/off_policy/frac": 0.0,
            "learner/kl_cov/frac": 0.0,
            "learner/kl_to_old/mean": (e - 0.5 - 1) / 3,
            "learner/kl_to_reference/mean": 0.0,
            "learner/kl_to_sampler/mean": ((2 - math.log(2) - 1) + (e - 0.5 - 1)) / 3,
            "learner/gap/mean": math.log(2) / 3,
            "learner/gap/max": math.log(2),
            "learner/ess_token/frac": (2 + 1 + 1) ** 2 / (4 + 1 + 1) / 3,
            "learner/ess_sequence/frac": (2 + 1) ** 2 / (4 + 1) / 2,
            "learner/grad_norm": 0.5,
            "learner/tokens": 3,
        }
    )


@pytest.mark.parametrize(
    "module", [r1rl.correction, r1rl.loss.covariance, r1rl.loss.statistics, r1rl.loss.tokens], ids=lambda m: m.__name__
)
def test_worked_examples(module):
    assert doctest.testmod(module).failed == 0
