"""What is done to logits, in place or for a compiler: log-probs, entropies and slopes are those of torch's softmax."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl.policy import fusion
from r1rl.policy.logprobs import EAGER, HeadMath

MATHS = {"in place": EAGER, "for a compiler": HeadMath(read=fusion.read, slope=fusion.slope)}


@pytest.mark.parametrize("math", MATHS.values(), ids=MATHS)
@given(
    seed=st.integers(0, 1000),
    spread=st.sampled_from([0.0, 1.0, 30.0]),
    temperature=st.sampled_from([0.6, 1.0, 1.5]),
    entropy_gradient=st.booleans(),
)
@settings(max_examples=30)
def test_log_probs_entropies_and_slopes_are_those_of_autograd(math, seed, spread, temperature, entropy_gradient):
    torch.manual_seed(seed)
    logits = (spread * torch.randn(5, 11, dtype=torch.float64)).requires_grad_()
    targets = torch.randint(0, 11, (5,))
    every = (logits / temperature).log_softmax(-1)
    logprobs = every.gather(-1, targets[:, None]).squeeze(-1)
    entropy = -(every.exp() * every).sum(-1)
    outer, entropy_outer = torch.randn(2, 5, dtype=torch.float64)
    (logprobs @ outer + (entropy @ entropy_outer if entropy_gradient else 0)).backward()

    found = math.read(logits.detach().clone(), targets, temperature)
    torch.testing.assert_close(found[:2], (logprobs.detach(), entropy.detach()))
    columns = [targets, found[2], found[1], outer, *([entropy_outer] if entropy_gradient else [])]
    slope = math.slope(logits.detach().clone(), torch.float64, temperature, *columns)
    torch.testing.assert_close(slope, logits.grad)
