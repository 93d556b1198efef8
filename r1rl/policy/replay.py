"""Routing replay: a training forward sends each token to the experts that it went to before.

Sampler and learner round differently, and in a mixture of experts a score that is nearly tied then picks another
expert: the importance ratio compares two different networks. Replay takes the choice as given.

r3: the sampler's choice, which came with the answer ("rollout routing replay", arXiv 2510.11370).
r2: the learner's own choice in the forward pass that computed the old log-probs (arXiv 2507.18071 sec. 5.3 and
    2512.01374); for samplers that do not tell.

Only the choice is given. The experts' weights come from the router's present scores, through which the gradient flows.
Each record is used by one training forward and then gone; a sample without one stops the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from r1rl.errors import RunError, UserError
from r1rl.policy import routers
from r1rl.policy.rows import Counts, Rows
from r1rl.types import Routes, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

OWN = -1  # in a table of routes: the router chooses itself


def build(model: PreTrainedModel, name: str) -> Replay:
    """The replay that a recipe names: "r2" or "r3". Raises UserError for a policy without routers."""
    found = routers.replayed(model)
    if not found:
        raise UserError(
            f"policy.replay = {name} has nothing to replay",
            "this policy has no mixture of experts",
            "set policy.replay to none",
        )
    return Recorded(found) if name == "r2" else Reported(found)


class Replay:
    """Makes routers follow a table of given routes."""

    def __init__(self, found: list[Any]) -> None:
        self.routers = found
        self._table: torch.Tensor | None = None  # [layers, B x T, top_k] while routes are followed
        device = found[0].e_score_correction_bias.device
        self._moved = torch.zeros(2, dtype=torch.int64, device=device)  # routes that were not the router's own, and all
        for layer, router in enumerate(found):
            router.register_forward_hook(partial(self._steer, layer))

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def training(self, batch: Rows) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def loss(self, totals: Counts) -> torch.Tensor | None:
        return None

    def after_step(self, sum_over_ranks: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, float]:
        """The share of routes that the routers would have chosen otherwise: what replay is for."""
        moved, all_routes = sum_over_ranks(self._moved).tolist()
        self._moved = torch.zeros_like(self._moved)
        return {"policy/replay/moved/frac": moved / all_routes} if all_routes else {}

    @contextmanager
    def following(self, batch: Rows, routes_of: Callable[[Sample], torch.Tensor]) -> Iterator[None]:
        """Every sample's tokens go where its routes [layers, tokens, top_k] say; padding goes where it likes."""
        place = batch.sequence_BT.reshape(-1)
        table = place.new_full((len(self.routers), len(place), self.routers[0].top_k), OWN)
        for index, sample in enumerate(batch.samples):
            routes = routes_of(sample)
            mine = (place == index).nonzero().squeeze(1)
            table[:, mine[: routes.shape[1]]] = routes.to(table)  # the last token predicts nothing: it may have none
        self._table = table
        try:
            yield
        finally:
            self._table = None

    def _steer(self, layer: int, router: Any, args: Any, output: tuple[torch.Tensor, ...]) -> Any:
        if self._table is None:
            return None
        logits, _, own = output
        given = self._table[layer]
        self._count(given, own)
        experts = torch.where(given == OWN, own, given)
        return logits, routers.gates(router, logits, experts), experts

    @torch.no_grad()
    def _count(self, given: torch.Tensor, own: torch.Tensor) -> None:
        followed = given[:, 0] != OWN
        other = (given.sort(dim=-1).values != own.sort(dim=-1).values).any(dim=-1)
        self._moved += torch.stack([(other & followed).sum(), followed.sum()])


class Reported(Replay):
    """r3: the routes came with the sample."""

    def observing(self, batch: Rows) -> AbstractContextManager[Any]:
        return self.following(batch, self._routes)

    def training(self, batch: Rows) -> AbstractContextManager[Any]:
        return self.following(batch, self._routes)

    def _routes(self, sample: Sample) -> torch.Tensor:
        if sample.routes is None:
            raise _missing("the sampler returned no routes with an answer", "set policy.replay to r2 or none")
        routes = tensor(sample.routes)
        self._check(routes, len(sample.prompt_ids_T) + len(sample.token_ids_T))
        return routes

    def _check(self, routes_LTK: torch.Tensor, length: int) -> None:
        """Raises RunError unless there are distinct, existing experts for all tokens but the last.

        Where vLLM did not see a token it says zeros, so a missing route shows as the same expert twice.
        """
        layers, tokens, width = routes_LTK.shape
        ordered = routes_LTK.sort(dim=-1).values
        repeated = bool((ordered[..., 1:] == ordered[..., :-1]).any())
        fits = (layers, tokens, width) == (len(self.routers), length - 1, self.routers[0].top_k)
        if not fits or repeated or int(routes_LTK.max()) >= self.routers[0].num_experts:
            raise _missing(
                f"the sampler's routes do not fit an answer of {length} tokens with its prompt: {layers} layers, "
                f"{tokens} tokens, top-{width}" + (", one expert twice" if repeated else ""),
                f"expected were {len(self.routers)} layers, {length - 1} tokens, top-{self.routers[0].top_k}; "
                "set policy.replay to r2 or none, and report this with the run folder",
            )


class Recorded(Replay):
    """r2: the routes are what the learner's own forward before the rollout's first update chose."""

    def __init__(self, found: list[Any]) -> None:
        super().__init__(found)
        self._kept: dict[int, tuple[Sample, torch.Tensor]] = {}  # by the sample's id, which holding it keeps its own
        self._written: dict[int, torch.Tensor] | None = None  # layer -> [B x T, top_k] while routes are written down
        self._taking = False
        for layer, router in enumerate(found):
            router.register_forward_hook(partial(self._write, layer))

    @contextmanager
    def observing(self, batch: Rows) -> Iterator[None]:
        if self._taking and self._kept:
            raise RunError(
                f"the routes of {len(self._kept)} samples were recorded and never used",
                "each record belongs to one training forward",
                "report this with the run folder",
            )
        self._taking, self._written = False, {}
        try:
            yield
            routes = torch.stack([self._written[layer] for layer in range(len(self.routers))]).to(torch.int16)
        finally:
            self._written = None
        place = batch.sequence_BT.reshape(-1)
        for index, sample in enumerate(batch.samples):
            self._kept[id(sample)] = sample, routes[:, place == index]

    def training(self, batch: Rows) -> AbstractContextManager[Any]:
        return self.following(batch, self._take)

    def _write(self, layer: int, router: Any, args: Any, output: tuple[torch.Tensor, ...]) -> None:
        if self._written is not None:
            self._written[layer] = output[2]

    def _take(self, sample: Sample) -> torch.Tensor:
        self._taking = True
        if id(sample) not in self._kept:
            raise _missing(
                "no route was recorded for a sample, or it was used before",
                "r2 needs an algorithm that computes old log-probs, and one pass over its samples; else "
                "set policy.replay to none",
            )
        return self._kept.pop(id(sample))[1]


def tensor(routes: Routes) -> torch.Tensor:
    """[layers, tokens, top_k] of what travelled as bytes."""
    kind = torch.uint16 if routes.wide else torch.uint8
    flat = torch.frombuffer(bytearray(routes.data), dtype=kind)
    return flat.to(torch.int64).view(-1, routes.layers, routes.top_k).transpose(0, 1)


def _missing(what: str, instead: str) -> RunError:
    return RunError(what, "without it the training forward would choose other experts than were used", instead)
