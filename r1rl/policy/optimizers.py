"""Optimizers as values: AdamW, AdamW with 8-bit state, and Muon for short warm-ups.

Muon orthogonalises the momentum of hidden matrices (Jordan et al. 2024; torch.optim.Muon). With its step scaled to
AdamW's (Moonlight, arXiv 2502.16982 sec. 2.2) one learning rate serves both; embeddings, head, norms, routers and the
3-D expert weights stay with AdamW.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from r1rl.errors import UserError

Parameters = Mapping[str, torch.nn.Parameter]


class Optimizer:
    """One or two torch optimizers that step the masters together."""

    def __init__(self, masters: Parameters, parts: list[torch.optim.Optimizer]) -> None:
        self.masters, self.parts = masters, parts

    def step(self, lr: float) -> None:
        """Updates the weights at this learning rate and drops the gradients."""
        for part in self.parts:
            for group in part.param_groups:
                if isinstance(group["lr"], torch.Tensor):  # torchao's: its step is compiled
                    group["lr"].fill_(lr * group["scale"])
                else:
                    group["lr"] = lr * group["scale"]
            part.step()
        self.forget_gradients()

    def forget_gradients(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The state by name ("model.norm.weight/exp_avg"), to save or to load into; before a first step, zeros."""
        if not any(part.state for part in self.parts):
            self._begin()
        states = {id(p): state for part in self.parts for p, state in part.state.items()}
        return {
            f"{name}/{key}": value
            for name, p in self.masters.items()
            for key, value in states.get(id(p), {}).items()
            if isinstance(value, torch.Tensor)
        }

    def _begin(self) -> None:
        for p in self.masters.values():  # a step of size zero, without a gradient, makes moments of zero
            p.grad = torch.zeros_like(p)
        self.step(0.0)
        for part in self.parts:
            for state in part.state.values():
                if "step" in state:  # and has counted itself
                    state["step"].zero_()


def build(name: str, masters: Parameters, betas: tuple[float, float], weight_decay: float) -> Optimizer:
    """The optimizer a recipe names: "adamw", "adamw_cpu" (the same; its masters lie on the CPU), "adamw_8bit", "muon".

    Raises UserError when it needs a package that is not installed.
    """
    hidden = [p for n, p in masters.items() if name == "muon" and _is_hidden_matrix(n, p)]
    rest = [p for p in masters.values() if not any(p is h for h in hidden)]
    scale = 0.5 if hidden else 1.0  # next to Muon, a full step in the embeddings is the first thing that diverges
    group = {"params": rest, "scale": scale}
    adamw: Any = _eight_bit() if name == "adamw_8bit" else torch.optim.AdamW
    fused = {} if name == "adamw_8bit" else {"fused": True}
    parts: list[torch.optim.Optimizer] = [adamw([group], lr=0.0, betas=betas, weight_decay=weight_decay, **fused)]
    if hidden:
        group = {"params": hidden, "scale": 1.0}
        parts.append(torch.optim.Muon([group], lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"))
    return Optimizer(masters, parts)


def _is_hidden_matrix(name: str, parameter: torch.nn.Parameter) -> bool:
    return parameter.ndim == 2 and not any(part in name for part in ("embed", "lm_head", "mlp.gate.weight"))


def _eight_bit() -> Any:
    try:
        from torchao.optim import AdamW8bit
    except ImportError as error:
        raise UserError(
            "learner.optimizer = adamw_8bit needs torchao, which is not installed",
            "its optimizer keeps both moments in 8 bits (arXiv 2110.02861)",
            "pip install torchao, or take adamw_cpu, which needs no memory on the GPU either",
        ) from error
    return AdamW8bit
