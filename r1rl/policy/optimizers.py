"""Optimizers as values: AdamW, and Muon for short warm-ups.

Muon orthogonalises the momentum of hidden matrices (Jordan et al. 2024; torch.optim.Muon). With its step scaled to
AdamW's (Moonlight, arXiv 2502.16982 sec. 2.2) one learning rate serves both; embeddings, head, norms, routers and the
3-D expert weights stay with AdamW.
"""

from __future__ import annotations

from typing import Any

import torch


class Optimizer:
    """One or two torch optimizers that step together."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self.parts = parts

    def step(self, lr: float) -> None:
        """Updates the weights at this learning rate and drops the gradients."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = lr * group["scale"]
            part.step()
        self.forget_gradients()

    def forget_gradients(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def build(name: str, model: torch.nn.Module, betas: tuple[float, float], weight_decay: float) -> Optimizer:
    """The optimizer a recipe names: "adamw" or "muon"."""
    hidden = [p for n, p in model.named_parameters() if name == "muon" and _is_hidden_matrix(n, p)]
    rest = [p for p in model.parameters() if not any(p is h for h in hidden)]
    scale = 0.5 if hidden else 1.0  # next to Muon, a full step in the embeddings is the first thing that diverges
    group = {"params": rest, "scale": scale}
    parts: list[torch.optim.Optimizer] = [
        torch.optim.AdamW([group], lr=0.0, betas=betas, weight_decay=weight_decay, fused=True)
    ]
    if hidden:
        group = {"params": hidden, "scale": 1.0}
        parts.append(torch.optim.Muon([group], lr=0.0, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"))
    return Optimizer(parts)


def _is_hidden_matrix(name: str, parameter: torch.nn.Parameter) -> bool:
    return parameter.ndim == 2 and not any(part in name for part in ("embed", "lm_head", "mlp.gate.weight"))
