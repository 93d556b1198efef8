"""Each algorithm against its paper's formula, written out token by token, and each for the property it is known by."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl import algorithms
from r1rl.algorithm import SFT
from r1rl.correction import NONE
from r1rl.errors import UserError
from r1rl.loss import kl
from r1rl.recipe import load_recipe
from tests import steps
from tests.slow_losses import SLOW
from tests.steps import STEPS, Answer, gradients, rewarded, same, token

relaxed = settings(max_examples=25)
NAMES = sorted(SLOW)


def close(a, b):
    return a == pytest.approx(b, rel=1e-9, abs=1e-12)


def flat(rows):
    return [value for row in rows for value in row]


@pytest.mark.parametrize("name", NAMES)
@relaxed
@given(groups=STEPS)
def test_loss_and_gradient_agree_with_the_papers_formula(name, groups):
    terms, slow = steps.terms_of(groups, algorithms.get(name)), SLOW[name](groups)
    assert close(terms.loss.item(), slow.item())
    assert close(flat(steps.gradient_of(terms.loss, groups)), flat(steps.gradient_of(slow, groups)))


def test_every_algorithm_is_compared():
    assert set(algorithms.names()) == {*NAMES, "opd"}  # that one learns from a teacher: tests/test_teacher.py
    assert all(algorithms.get(name).name == name for name in NAMES)


def test_a_new_file_is_a_new_algorithm(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from r1rl.algorithms import dapo\nfrom dataclasses import replace\n"
        "ALGORITHM = replace(dapo.ALGORITHM, name='mine', clip_high=0.5)\n"
    )
    monkeypatch.setattr(algorithms, "__path__", [*algorithms.__path__, str(tmp_path)])
    assert "mine" in algorithms.names()
    assert algorithms.get("mine").clip_high == 0.5


def test_an_unknown_algorithm_names_the_nearest():
    with pytest.raises(UserError, match="did you mean `grpo`"):
        algorithms.get("grop")
    with pytest.raises(UserError):
        algorithms.get("sft")  # it needs worked answers


@pytest.mark.parametrize("name", NAMES)
def test_on_policy_only_corrections_and_several_updates_need_old_log_probs(name):
    algorithm = algorithms.get(name)
    assert algorithm.needs_old == (name != "grpo_v32")
    assert not replace(algorithm, ratio_to="sampler", correction=NONE).needs_old
    assert not SFT.needs_old


@relaxed
@given(STEPS, st.sampled_from([0.5, 2.0, 8.0]), st.integers(-3, 3).map(float))
def test_grpo_ignores_scale_and_shift_of_rewards(groups, scale, shift):
    grpo = algorithms.get("grpo")
    assert close(flat(gradients(rewarded(groups, scale, shift), grpo)), flat(gradients(groups, grpo)))


def test_grpo_gives_every_answer_the_same_weight_whatever_its_length():
    found = gradients([(same(1.0, 2), same(0.0, 8))], replace(algorithms.get("grpo"), kl=0.0))
    assert sum(map(abs, found[0])) == pytest.approx(sum(map(abs, found[1])))


@relaxed
@given(STEPS, st.integers(1, 5))
def test_dr_grpos_gradient_does_not_depend_on_the_length_of_answers(groups, more):
    algorithm = algorithms.get("dr_grpo")
    first, *rest = groups[0]
    longer = [(Answer(first.reward, first.tokens + same(0.0, more).tokens), *rest), *groups[1:]]
    before, after = gradients(groups, algorithm), gradients(longer, algorithm)
    assert close(after[0][: len(first.tokens)], before[0])
    assert close(flat(after[1:]), flat(before[1:]))


def test_grpos_and_dapos_gradients_do():
    short, long = [(same(1.0, 2), same(0.0, 2))], [(same(1.0, 6), same(0.0, 2))]
    for name in ("grpo", "dapo"):
        assert abs(gradients(long, algorithms.get(name))[0][0]) < abs(gradients(short, algorithms.get(name))[0][0])


def test_in_dapo_every_token_weighs_the_same():
    found = flat(gradients([(same(1.0, 1), same(0.0, 7)), (same(5.0, 3), same(-5.0, 4))], algorithms.get("dapo")))
    assert [abs(value) for value in found] == pytest.approx([1 / 15] * 15)


def test_dapo_lets_good_tokens_rise_further_than_bad_ones_fall():
    def moved(reward: float, by: float) -> float:
        answer = Answer(reward, (token(math.log(by) - 1, -1.0),))
        return gradients([(answer, same(0.0, 1))], algorithms.get("dapo"))[0][0]

    assert moved(1.0, 1.25) != 0  # PPO would clip it at 1.2
    assert moved(1.0, 1.30) == 0
    assert moved(-1.0, 0.79) == 0


@relaxed
@given(STEPS)
def test_gspo_has_one_ratio_for_a_sequence_and_keeps_it_or_drops_it_whole(groups):
    algorithm = replace(algorithms.get("gspo"), correction=NONE)
    for answer, found in zip(steps.answers_of(groups), gradients(groups, algorithm), strict=True):
        assert close(found, [found[0]] * len(answer.tokens))


def test_gspos_ratio_is_normalised_by_length():
    clipped = []
    for length in (1, 10, 1000):
        answer = same(1.0, length, old=-1.0 - 3e-4)  # each token is likelier by a factor of 1 + 3e-4
        terms = steps.terms_of([(answer, same(0.0, 1))], algorithms.get("gspo"))
        clipped.append(terms.sums["clipped"].item())
    assert clipped == [0, 0, 0]


@relaxed
@given(STEPS)
def test_cispo_drops_no_tokens_gradient_and_bounds_its_weight(groups):
    algorithm = replace(algorithms.get("cispo"), correction=NONE)
    tokens = steps.totals_of(groups).tokens
    advantages = steps.advantages_of(groups, algorithm)
    for answer, advantage, found in zip(
        steps.answers_of(groups), advantages, gradients(groups, algorithm), strict=True
    ):
        weights = [min(math.exp(t.new.item() - t.old), 5.0) for t in answer.tokens]
        assert close(found, [-w * advantage / tokens for w in weights])


def test_cispo_keeps_what_ppo_would_clip():
    groups = [(same(1.0, 1, old=-9.0), same(0.0, 1))]  # now e^8 times likelier
    assert gradients(groups, algorithms.get("dapo"))[0] == [0.0]
    assert gradients(groups, algorithms.get("cispo"))[0] == pytest.approx([-5.0 / 2])


@relaxed
@given(STEPS)
def test_rloo_is_dr_grpos_advantage_times_g_over_g_minus_1(groups):
    factors = [len(group) / (len(group) - 1) for group in groups for _ in group]
    centred = steps.advantages_of(groups, algorithms.get("dr_grpo"))
    expected = [f * a for f, a in zip(factors, centred, strict=True)]
    assert close(steps.advantages_of(groups, algorithms.get("rloo")), expected)


@relaxed
@given(STEPS, st.sampled_from([0.5, 2.0, 8.0]), st.integers(-3, 3).map(float))
def test_reinforce_pp_has_one_scale_for_the_whole_step(groups, scale, shift):
    algorithm = algorithms.get("reinforce_pp")
    found = steps.advantages_of(groups, algorithm)
    informative = any(found)
    assert sum(a * a for a in found) == pytest.approx(len(found) if informative else 0.0)
    assert close(steps.advantages_of(rewarded(groups, scale, shift), algorithm), found)


def test_reinforce_pp_does_not_blow_up_a_group_of_small_spread():
    groups = [(same(1.0, 1), same(0.9, 1)), (same(1.0, 1), same(0.0, 1))]
    found = steps.advantages_of(groups, algorithms.get("reinforce_pp"))
    assert found[0] == pytest.approx(found[2] / 10)
    assert steps.advantages_of(groups, algorithms.get("grpo")) == pytest.approx([1, -1, 1, -1])


def test_v32_masks_bad_answers_far_off_policy_and_no_others():
    algorithm = replace(algorithms.get("grpo_v32"), kl=0.0, clip_low=1.0, clip_high=math.inf)
    far, near = {"sampler": -0.4}, {"sampler": -0.6}  # 0.6 and 0.4 nats likelier when sampled
    groups = [(same(0.0, 3, **far), same(1.0, 3, **far)), (same(0.0, 3, **near), same(1.0, 3, **near))]
    found = gradients(groups, algorithm)
    assert found[0] == [0.0] * 3
    assert all(value != 0 for row in found[1:] for value in row)
    assert steps.terms_of(groups, algorithm).sums["off_policy"] == 3


def test_v32_reads_drift_over_the_whole_answer():
    algorithm = replace(algorithms.get("grpo_v32"), kl=0.0, clip_low=1.0, clip_high=math.inf)
    one_far_token = Answer(0.0, (token(-1.0, sampler=0.0), token(-1.0, sampler=-1.1)))  # 1.0 and -0.1 nats
    assert all(gradients([(one_far_token, same(1.0, 1))], algorithm)[0])


def expected_gradient(estimate, policy, sampler) -> torch.Tensor:
    """Of an estimate at one token, over all tokens the sampler may draw, with respect to the policy's logits."""
    logits = policy.clone().requires_grad_()
    (sampler.exp() * estimate(logits.log_softmax(-1))).sum().backward()
    return logits.grad


@pytest.mark.parametrize("seed", range(5))
def test_the_unbiased_kl_has_the_expected_value_and_gradient_of_the_kl_even_off_policy(seed):
    torch.manual_seed(seed)
    policy, sampler, reference = torch.randn(3, 7, dtype=torch.float64).log_softmax(-1)
    exact = expected_gradient(lambda new: new.exp() * (new - reference) / sampler.exp(), policy, sampler)
    found = expected_gradient(lambda new: kl.unbiased(new, reference, sampler), policy, sampler)
    torch.testing.assert_close(found, exact)
    value = (sampler.exp() * kl.unbiased(policy, reference, sampler)).sum()
    torch.testing.assert_close(value, (policy.exp() * (policy - reference)).sum())


def test_k2s_expected_gradient_is_that_of_the_kl_on_policy_and_k3s_is_not():
    torch.manual_seed(0)
    policy, reference = torch.randn(2, 7, dtype=torch.float64).log_softmax(-1)
    exact = expected_gradient(lambda new: new.exp() * (new - reference) / policy.exp(), policy, policy)
    torch.testing.assert_close(expected_gradient(lambda new: kl.k2(new, reference), policy, policy), exact)
    assert not torch.allclose(expected_gradient(lambda new: kl.k3(new, reference), policy, policy), exact, rtol=0.1)


def test_the_recipes_of_all_algorithms_share_one_base():
    from r1rl import warmup  # here: it imports Ray

    recipes = [load_recipe(f"r1_zero_tiny_{name}") for name in NAMES if name != "grpo"]
    assert [recipe.algorithm.name for recipe in recipes] == [name for name in NAMES if name != "grpo"]
    keys = {warmup.cache_key(r, warmup.source_of(r), "float32") for r in [load_recipe("r1_zero_tiny"), *recipes]}
    assert len(keys) == 1
