"""The fp32 weights that the optimizer steps, and the rounded ones that the model computes with.

Mixed precision as in Micikevicius et al. (arXiv 1710.03740): the model holds its weights in the dtype of compute, the
very values that the sampler gets, and needs no autocast; gradients are summed in fp32. Sharded weights do the same
inside FSDP: there the model's own parameters are the masters.
"""

from __future__ import annotations

from functools import partial

import torch


class Masters:
    """A model's trainable weights by name, as the optimizer sees them."""

    def __init__(self, named: dict[str, torch.nn.Parameter], copies: dict[str, torch.nn.Parameter]) -> None:
        self.named = named
        self._copies = copies  # what the model computes with; empty where that is the masters themselves

    @classmethod
    def of_sharded(cls, model: torch.nn.Module) -> Masters:
        """Those of a model whose parameters FSDP keeps in fp32 and rounds for computing."""
        return cls({name: p for name, p in model.named_parameters() if p.requires_grad}, {})

    @classmethod
    def of(cls, model: torch.nn.Module, dtype: torch.dtype, home: torch.device) -> Masters:
        """Rounds the model's parameters to `dtype` and keeps fp32 masters of the trainable ones on `home`."""
        named, copies = {}, {}
        for name, parameter in model.named_parameters():
            master = parameter
            if dtype != torch.float32 or parameter.device.type != home.type:
                if parameter.requires_grad:
                    master = torch.nn.Parameter(parameter.detach().to(home, torch.float32, copy=True))
                    parameter.register_post_accumulate_grad_hook(partial(_hand_over, master))
                    copies[name] = parameter
                parameter.data = parameter.data.to(dtype)
            if parameter.requires_grad:
                named[name] = master
        return cls(named, copies)

    @torch.no_grad()
    def publish(self) -> None:
        """Gives the model the masters' values."""
        if self._copies:
            torch._foreach_copy_(list(self._copies.values()), [self.named[name] for name in self._copies])


def _hand_over(master: torch.nn.Parameter, copy: torch.nn.Parameter) -> None:
    assert copy.grad is not None
    gradient = copy.grad.to(master.device)
    master.grad = gradient.float() if master.grad is None else master.grad.add_(gradient)
    copy.grad = None
