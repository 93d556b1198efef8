"""Small policies and samples, and one micro-batch run as a learner runs it."""

from __future__ import annotations

from contextlib import ExitStack

import torch

from r1rl.policy import routers
from r1rl.policy.companion import Companion
from r1rl.types import Routes, Sample
from tests.rowed import length

VOCABULARY = 50


class Words:
    """All that making a policy asks of a tokenizer."""

    eos_token_id = 0

    def __len__(self) -> int:
        return VOCABULARY


def new_model(size: str = "tiny-mtp", seed: int = 0):
    from r1rl.policy import init

    model = init.make(size, Words(), 48, seed).train()  # type: ignore[arg-type]
    torch.manual_seed(seed)
    for router in routers.of(model).values():
        router.e_score_correction_bias.normal_(std=0.02)
    return model


def new_samples(seed: int = 1) -> list[Sample]:
    torch.manual_seed(seed)
    found = []
    for prompt, answer in ((3, 6), (4, 2), (1, 9), (5, 1)):
        ids = torch.randint(1, VOCABULARY, (prompt + answer,)).tolist()
        found.append(
            Sample(
                prompt_ids_T=tuple(ids[:prompt]),
                token_ids_T=tuple(ids[prompt:]),
                logprobs_T=(-1.0,) * answer,
                advantages_T=(1.0,) * answer,
            )
        )
    return found


def run(model, found: list[Companion], batch, totals):
    """Loss and gradients of one micro-batch, as a learner runs it."""
    with ExitStack() as stack:
        for c in found:
            stack.enter_context(c.training(batch))
        loss = batch.nll(model) / totals.tokens
        for extra in [c.loss(totals) for c in found]:
            loss = loss if extra is None else loss + extra
        loss.backward()
    return loss.item()


def gradients(model) -> dict[str, torch.Tensor]:
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


def same(a: dict, b: dict, **tolerance) -> None:
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], msg=lambda text, name=name: f"{name}: {text}", **tolerance)


def alone(x: torch.Tensor) -> torch.Tensor:
    return x


def choices(model, batch) -> dict[str, torch.Tensor]:
    """The experts of each layer in a plain forward pass."""
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        router.register_forward_hook(lambda m, a, out, layer=layer: seen.__setitem__(layer, out[2]))
        for layer, router in routers.of(model).items()
    ]
    with torch.no_grad():
        batch.hidden(model)
    for hook in hooks:
        hook.remove()
    return seen


def as_routes(model, sample) -> Routes:
    """Routes of all but the last token, as a sampler reports them, drawn at random."""
    layers = len(routers.replayed(model))
    torch.manual_seed(length(sample))
    drawn = torch.stack([torch.randperm(8)[:2] for _ in range((length(sample) - 1) * layers)])
    return Routes(data=bytes(drawn.reshape(-1).tolist()), layers=layers, top_k=2, wide=False)
