"""Memory of one learner rank and of one sampling engine, by part, in bytes.

The learner's peak is where the backward pass begins: weights, gradients of earlier micro-batches and the optimizer's
state are there, all activations are, and on top come the head's logits of one chunk, or a little later the gradients
inside the last layer. With sharded weights (ZeRO-3, arXiv 1910.02054 sec. 5.3) a rank holds its part of what lasts,
and one layer whole while that layer computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from r1rl.planning import activations
from r1rl.planning.activations import FLOAT, Kernels
from r1rl.planning.architecture import Architecture
from r1rl.planning.parameters import Parameters

CHUNK = 2048  # tokens whose logits exist at once
CONTEXT = 2**30 * 0.6  # of a process on a GPU: CUDA's context and the libraries' workspaces
GRAPHS = 2**30 * 1.0  # of vLLM on a GPU: its workspace and CUDA graphs


@dataclass(frozen=True, kw_only=True)
class LearnerShape:
    """What of a recipe and a layout decides how much memory a learner rank needs.

    >>> LearnerShape(kernels=Kernels(compute_bytes=2, flash=True, longest=4096), row_tokens=16384).ranks
    1
    """

    kernels: Kernels
    row_tokens: int  # of a micro-batch
    ranks: int = 1
    trained: int | None = None  # parameters with a gradient; None: all
    state_bytes: int = 8  # of the optimizer, for one of them: AdamW's two moments; 2: in 8 bits
    masters_on_host: bool = False  # fp32 masters, their gradients and the optimizer's state
    recompute: bool = False  # activation checkpointing
    reference: bool = False  # a frozen copy of the policy
    outbox_on_card: bool = False  # the weight wire's buffer: on the GPU (CUDA IPC) or in the host's shared memory
    on_gpu: bool = True


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes by part, on the card and in the memory of its host.

    >>> Memory(card={"weights": 4, "gradients": 4}, host={"outbox": 2}).on_card
    8
    """

    card: Mapping[str, float]
    host: Mapping[str, float]

    @property
    def on_card(self) -> float:
        return sum(self.card.values())

    @property
    def on_host(self) -> float:
        return sum(self.host.values())


def learner(a: Architecture, p: Parameters, shape: LearnerShape) -> Memory:
    """Of one rank at its peak."""
    trained = p.total if shape.trained is None else shape.trained
    compute = shape.kernels.compute_bytes
    lasting = {
        "masters": FLOAT * trained / shape.ranks,
        "gradients": FLOAT * trained / shape.ranks,
        "optimizer": shape.state_bytes * trained / shape.ranks,
    }
    per_token = activations.recomputed if shape.recompute else activations.layers
    kept = per_token(a, shape.kernels) + activations.ends(a, shape.kernels)
    card = {
        "weights": _weights(p, shape, trained),
        **({} if shape.masters_on_host else lasting),
        "reference": compute * p.total / shape.ranks if shape.reference else 0.0,
        "activations": kept * shape.row_tokens,
        "workspace": max(_logits(a, shape), activations.passing(a, shape.kernels) * shape.row_tokens),
        "outbox": compute * p.total if shape.outbox_on_card else 0.0,
        "context": CONTEXT if shape.on_gpu else 0.0,
    }
    host = {
        **(lasting if shape.masters_on_host else {}),
        "outbox": 0.0 if shape.outbox_on_card else compute * p.total,
    }
    return Memory(card=_present(card), host=_present(host))


def _weights(p: Parameters, shape: LearnerShape, trained: int) -> float:
    """What the model computes with, beside the masters: rounded copies, or the layers that are whole at the moment."""
    compute = shape.kernels.compute_bytes
    if shape.ranks > 1:
        whole = 2 * p.largest_layer + p.parts["embedding"] + p.parts.get("head", 0)  # the next layer is fetched ahead
        frozen = FLOAT * (p.total - trained) / shape.ranks
        return compute * whole + frozen
    own = compute != FLOAT or shape.masters_on_host
    return compute * (p.total if own else p.total - trained)


def _logits(a: Architecture, shape: LearnerShape) -> float:
    """Of one chunk, twice, or once with the gradient of the head, twice."""
    chunk = min(CHUNK, shape.row_tokens)
    rows = FLOAT * chunk * a.vocab
    head = FLOAT * a.vocab * a.width
    return max(2 * rows, rows * (1 + (shape.kernels.compute_bytes != FLOAT) / 2) + 2 * head)


@dataclass(frozen=True, kw_only=True)
class EngineShape:
    """One sampling engine.

    >>> EngineShape(weight_bytes=2, cache_gib=20.0, cached_values=35136).cards
    1
    """

    weight_bytes: int
    cache_gib: float
    cached_values: int  # per token, all layers
    cards: int = 1  # over which each weight is split
    on_gpu: bool = True


def engine(p: Parameters, shape: EngineShape) -> Memory:
    """Of one of the engine's cards."""
    card = {
        "weights": shape.weight_bytes * (p.total + p.mtp) / shape.cards,
        "KV cache": shape.cache_gib * 2**30,
        "context": CONTEXT + GRAPHS if shape.on_gpu else 0.0,
    }
    return Memory(card=_present(card), host={})


def sequences_held(shape: EngineShape, tokens: float) -> int:
    """Sequences of this many tokens that the KV cache holds at once."""
    return int(shape.cache_gib * 2**30 // (shape.weight_bytes * shape.cached_values * max(tokens, 1)))


def _present(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: size for name, size in parts.items() if size}
