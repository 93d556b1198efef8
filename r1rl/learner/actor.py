"""One rank of the learner: a Ray actor that turns samples into updates.

Every rank is called with the same verb at the same time. On several ranks each holds its part of the weights and gets
its share of the samples; since losses are divided by the totals of the whole update, gradients add up over ranks.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch

from r1rl import scoring
from r1rl.algorithm import Algorithm
from r1rl.batch import Batch, length
from r1rl.broadcast import Meeting
from r1rl.learner import memory, state, trainee
from r1rl.learner.loss_scale import LossScale
from r1rl.learner.ranks import MEETING, Ranks
from r1rl.learner.reference import Reference
from r1rl.learner.spec import Gap, LearnerSpec
from r1rl.loss import Tokens, Totals, loss, merge
from r1rl.output import redirect_output
from r1rl.policy import lora, optimizers
from r1rl.policy import model as policy_model
from r1rl.policy.companion import Settings, companions
from r1rl.policy.lora import Lora
from r1rl.policy.tensors import whole
from r1rl.sync import Outbox, Parcel
from r1rl.types import Sample

OF_THE_POLICY = "max/"  # prefix of numbers that are the same on every rank


class Learner:
    """One policy in training."""

    def __init__(self, spec: LearnerSpec) -> None:
        redirect_output(spec.log)
        torch.set_num_threads(spec.threads)
        self.spec = spec
        self.device = torch.device(spec.device)
        self.dtype = policy_model.named_dtype(spec.dtype)
        self.ranks = Ranks(spec.rank, spec.ranks, self.device, spec.deadline_s)
        self.outbox = Outbox(spec.transport, self.device, spec.run_id)
        self.updates = 0

    def invite(self, host: str | None = None) -> tuple[str, int]:
        """On rank 0: where the ranks meet."""
        return self.ranks.invite(host)

    def join(self, address: tuple[str, int]) -> None:
        """Waits for the other ranks."""
        self.ranks.join(address)

    def invite_samplers(self, samplers: int) -> Meeting | None:
        """On rank 0: where samplers meet it; None where they can read its memory."""
        return self.outbox.invite(samplers, MEETING * self.spec.deadline_s)

    def join_samplers(self) -> None:
        """On rank 0: waits for the samplers."""
        self.outbox.join()

    def load(
        self, folder: Path, optimizer: str = "adamw", adapters: Lora | None = None, extras: Settings | None = None
    ) -> int:
        """Loads a policy, and the state of its training if the folder has one. Returns the number of updates so far."""
        self.folder = self.base = folder
        self.updates = 0
        self.scale = LossScale.of(self.spec.dtype)
        self.extras = extras or Settings()
        self.policy = trainee.load(folder, self.spec, self.ranks, adapters, optimizer == "adamw_cpu")
        self.companions = companions(self.policy.model, self.extras)
        self.reference = Reference(self.policy, lambda: trainee.load_frozen(folder, self.spec, self.ranks))
        self.kind = f"{optimizer}, {adapters or 'all weights'}"
        named = self.policy.masters.named
        self.optimizer = optimizers.build(optimizer, named, self.spec.betas, self.spec.weight_decay)
        if state.exists(folder):
            self._restore(folder)
        return self.updates

    def make(self, folder: Path, size: str, texts: Sequence[str], phrase: str, max_length: int, seed: int) -> None:
        """Writes a new policy of a named size, with a tokenizer trained on `texts`, into `folder`."""
        from r1rl.policy import init, tokenizer

        own = tokenizer.train(texts, phrase)
        with _complete_or_absent(folder) as partial:
            policy_model.save(init.make(size, own, max_length, seed), self.dtype, partial)
            own.save_pretrained(partial)

    def keep(self, folder: Path) -> None:
        """Writes the policy alone, without the state of its training, into `folder`."""
        if not self.ranks.first:
            self._hand_in()
            return
        with _complete_or_absent(folder) as partial:
            self._write(partial)

    def save(self, folder: Path) -> None:
        """Writes a Hugging Face folder, the adapters if there are any, and the state from which `load` goes on."""
        if self.ranks.first:
            self._write(folder)
        else:
            self._hand_in()
        if self.policy.adapters:
            write = self.ranks.first
            lora.save(self.policy.model, self.policy.adapters, str(self.base), folder, whole, write)
        state.save(folder, self._state(), self.ranks.alone)

    def pack(self, version: int) -> Parcel | None:
        """The current weights, ready for the samplers to pick up; None on every rank but the first."""
        if not self.ranks.first:
            self._hand_in()
            return None
        outlines = policy_model.outlines(self.policy.model, self.dtype)
        return self.outbox.pack(version, policy_model.exported(self.policy.model, self.dtype), outlines)

    def logprobs(self, samples: Sequence[Sample], temperature: float) -> list[tuple[float, ...]]:
        """The policy's log-prob of each completion token, in nats, sample by sample."""
        with self.ranks.together("computing log-probs"):
            return self._logprobs(samples, temperature, ())

    def gap(self, samples: Sequence[Sample], temperature: float) -> Gap:
        """Compares the sampler's log-probs of these samples with the learner's own."""
        return Gap.of(samples, self.logprobs(samples, temperature))

    def learn(
        self,
        minibatches: Sequence[Sequence[Sample]],
        totals: Sequence[Totals],
        algorithm: Algorithm,
        lrs: Sequence[float],
        temperature: float,
    ) -> list[dict[str, float]]:
        """One optimizer update on each of a rollout's mini-batches. Returns the sums of each, for `loss.metrics`.

        Args:
            minibatches: this rank's share of each.
            totals: of each update, over all ranks.
            lrs: learning rate of each update.

        Raises RunError when a gradient is not finite: the weights are then left as they were before it.
        """
        with self.ranks.together("learning"):
            return self._updates(minibatches, totals, algorithm, lrs, temperature)

    def _updates(
        self,
        minibatches: Sequence[Sequence[Sample]],
        totals: Sequence[Totals],
        algorithm: Algorithm,
        lrs: Sequence[float],
        temperature: float,
    ) -> list[dict[str, float]]:
        several = algorithm.needs_old and (len(minibatches) > 1 or self.extras.observes)
        old = [self._logprobs(s, temperature, self.companions) if several else None for s in minibatches]
        return [
            self._update(samples, before, total, algorithm, lr, temperature)
            for samples, before, total, lr in zip(minibatches, old, totals, lrs, strict=True)
        ]

    def close(self) -> None:
        self.outbox.close()
        self.ranks.leave()

    def _update(
        self,
        samples: Sequence[Sample],
        old: Sequence[tuple[float, ...]] | None,
        totals: Totals,
        algorithm: Algorithm,
        lr: float,
        temperature: float,
    ) -> dict[str, float]:
        start = time.monotonic()
        memory.reset(self.device)
        if algorithm.kl:
            self.reference.refresh(algorithm.reference_every, self.updates)
        parts: list[dict[str, torch.Tensor]] = []
        for indices, batch in scoring.batches(samples, self.spec.microbatch_tokens, self.device, self.ranks.most):
            self.ranks.meet(f"computing update {self.updates + 1}")
            if indices:
                old_K = None if old is None else torch.tensor([x for i in indices for x in old[i]], device=self.device)
                parts.append(self._backward(batch, old_K, totals, algorithm, temperature))
            else:
                self._idle(batch, algorithm, temperature)
        sums = merge(map(_numbers, parts)) | self._step(lr)
        return sums | {
            "positions": sum(map(length, samples)),
            "max/seconds": time.monotonic() - start,
            "max/peak_gib": memory.peak_gib(self.device),
        }

    def _backward(
        self, batch: Batch, old_K: torch.Tensor | None, totals: Totals, algorithm: Algorithm, temperature: float
    ) -> dict[str, torch.Tensor]:
        with ExitStack() as stack:
            for companion in self.companions:
                stack.enter_context(companion.training(batch))
            terms = loss(self._tokens(batch, old_K, algorithm, temperature), totals, algorithm)
            extra = [c.loss(totals) for c in self.companions]
            total = sum((x for x in extra if x is not None), start=terms.loss)
            (total * self.scale.value).backward()
        return terms.sums

    def _tokens(self, batch: Batch, old_K: torch.Tensor | None, algorithm: Algorithm, temperature: float) -> Tokens:
        row = (batch.ids_BT, batch.packing, batch.places_K, temperature)
        reference_K = None
        if algorithm.kl:
            with torch.no_grad(), self.reference.scorer() as scorer:
                reference_K, _ = scorer(*row)
        logprobs_K, entropy_K = self.policy.scorer(*row, algorithm.entropy_gradient)
        return Tokens(
            logprobs_K=logprobs_K,
            entropy_K=entropy_K,
            sampler_logprobs_K=batch.sampler_logprobs_K,
            old_logprobs_K=logprobs_K.detach() if old_K is None else old_K,
            reference_logprobs_K=reference_K,
            advantages_K=batch.advantages_K,
            sequence_K=batch.sequence_K,
        )

    def _idle(self, batch: Batch, algorithm: Algorithm, temperature: float) -> None:
        """Takes part in what the other ranks do, with a gradient of zero."""
        (self._tokens(batch, None, algorithm, temperature).logprobs_K.sum() * 0).backward()

    def _step(self, lr: float) -> dict[str, float]:
        masters = list(self.policy.masters.named.values())
        if self.scale.value != 1:
            torch._foreach_mul_([m.grad for m in masters if m.grad is not None], 1 / self.scale.value)
        norm = float(whole(torch.nn.utils.clip_grad_norm_(masters, self.spec.grad_clip)))
        finite = norm < float("inf")
        if finite:
            self.optimizer.step(lr)
            self.policy.masters.publish()
            self.updates += 1
            self.scale.worked()
        else:
            self.optimizer.forget_gradients()
            self.scale.failed(self.updates + 1, norm)
        extra = [c.after_step(self.ranks.sum) for c in self.companions]
        of_policy = {f"{OF_THE_POLICY}{key}": value for part in extra for key, value in part.items()}
        return of_policy | {"max/grad_norm": norm if finite else 0.0, "max/skipped": float(not finite)}

    def _logprobs(
        self, samples: Sequence[Sample], temperature: float, observers: Sequence[Any]
    ) -> list[tuple[float, ...]]:
        self.ranks.meet("computing log-probs")

        @contextmanager
        def around(batch: Batch) -> Iterator[None]:
            with ExitStack() as stack:
                for companion in observers:
                    stack.enter_context(companion.observing(batch))
                yield

        return scoring.logprobs(
            self.policy.scorer,
            samples,
            temperature,
            budget=self.spec.microbatch_tokens,
            device=self.device,
            most=self.ranks.most,
            around=around,
        )

    def _write(self, folder: Path) -> None:
        policy_model.save(self.policy.model, self.dtype, folder)
        for file in self.folder.iterdir():
            if file.name.startswith(("tokenizer", "special_tokens", "chat_template", "vocab", "merges")):
                shutil.copy(file, folder / file.name)

    def _hand_in(self) -> None:
        """On other ranks than the first: takes part in putting tensors together, and drops them."""
        deque(policy_model.exported(self.policy.model, self.dtype), maxlen=0)

    def _state(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "policy": self.policy.tensors(),
            "optimizer": self.optimizer.tensors(),
            "numbers": {"updates": self.updates, "scale": self.scale.value, "good": self.scale.good},
            "base": str(self.base),
            "kind": self.kind,
        }
        if self.reference.copy is not None:
            parts["reference"] = dict(self.reference.copy.model.state_dict())
        return parts

    def _restore(self, folder: Path) -> None:
        state.require_kind(folder, self.kind, self.ranks.alone)
        if state.holds(folder, "reference"):
            self.reference.begin()
        found = state.load(folder, self._state(), self.ranks.alone)
        self.policy.masters.publish()
        self.updates, self.base = found["numbers"]["updates"], Path(found["base"])
        self.scale.value, self.scale.good = found["numbers"]["scale"], found["numbers"]["good"]


def _numbers(sums: dict[str, torch.Tensor]) -> dict[str, float]:
    """Waits for the GPU, once for all of them."""
    values = torch.stack([value.double() for value in sums.values()]).tolist()
    return dict(zip(sums, values, strict=True))


@contextmanager
def _complete_or_absent(folder: Path) -> Iterator[Path]:
    """A folder to fill, renamed to `folder` when that went well; another process may have been faster."""
    partial = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    if folder.exists():
        shutil.rmtree(partial)
    else:
        partial.rename(folder)
