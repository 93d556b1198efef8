"""The learner: a Ray actor that holds the policy, its optimizer and its reference, and turns samples into updates.

One learner serves reinforcement learning and the supervised warm-up alike: an algorithm is a value handed in. All it
needs to go on after a stop is in `save`; it draws no random numbers.
"""

from __future__ import annotations

import copy
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from r1rl.algorithm import Algorithm
from r1rl.batch import Batch, collate, microbatches
from r1rl.errors import RunError
from r1rl.loss import Tokens, Totals, loss, merge
from r1rl.output import redirect_output
from r1rl.policy import model as policy_model
from r1rl.policy import optimizers
from r1rl.policy.logprobs import token_logprobs
from r1rl.sync import Outbox, Parcel
from r1rl.types import Sample

TRAINER_STATE = "trainer.pt"
PAD_ID = 0  # any id will do: padding is never looked at


@dataclass(frozen=True, kw_only=True)
class LearnerSpec:
    """How to start the learner.

    >>> LearnerSpec(run_id="a1", device="cpu", dtype="float32", transport="shm", threads=2, microbatch_tokens=8192,
    ...     betas=(0.9, 0.95), weight_decay=0.0, grad_clip=1.0, log=Path("learner.log")).dtype
    'float32'
    """

    run_id: str
    device: str  # "cpu" or "cuda"
    dtype: str  # of compute and of what the sampler gets; masters are float32
    transport: str  # "shm" or "ipc"
    threads: int
    microbatch_tokens: int
    betas: tuple[float, float]
    weight_decay: float
    grad_clip: float
    log: Path


@dataclass(frozen=True, kw_only=True)
class Gap:
    """How far sampler and learner are apart about the same tokens, in nats.

    >>> Gap(mean=0.0002, max=0.01, tokens=7500).mean
    0.0002
    """

    mean: float
    max: float
    tokens: int


class Learner:
    """One policy in training."""

    def __init__(self, spec: LearnerSpec) -> None:
        redirect_output(spec.log)
        torch.set_num_threads(spec.threads)
        self.spec = spec
        self.device = torch.device(spec.device)
        self.dtype = policy_model.named_dtype(spec.dtype)
        self.outbox = Outbox(spec.transport, self.device, spec.run_id)
        self.updates = 0

    def load(self, folder: Path, optimizer: str = "adamw") -> int:
        """Loads a policy, and the state of its training if the folder has one. Returns the number of updates so far."""
        self.folder, self.updates = folder, 0
        self.policy = policy_model.load(folder, self.dtype, self.device)
        self.reference: torch.nn.Module | None = None
        self.optimizer = optimizers.build(optimizer, self.policy, self.spec.betas, self.spec.weight_decay)
        if (folder / TRAINER_STATE).exists():
            self._restore(folder / TRAINER_STATE)
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
        with _complete_or_absent(folder) as partial:
            self._save_policy(partial)

    def pack(self, version: int) -> Parcel:
        """The current weights, ready for the samplers to pick up."""
        return self.outbox.pack(version, policy_model.exported(self.policy, self.dtype))

    @torch.no_grad()
    def logprobs(self, samples: Sequence[Sample], temperature: float) -> list[tuple[float, ...]]:
        """The policy's log-prob of each completion token, in nats, sample by sample."""
        found: dict[int, tuple[float, ...]] = {}
        for indices in microbatches(samples, self.spec.microbatch_tokens):
            batch = collate([samples[i] for i in indices], PAD_ID, self.device)
            logprobs_K, _ = self._logprobs(self.policy, batch, temperature)
            rows = logprobs_K.cpu().split([len(samples[i].token_ids_T) for i in indices])
            found |= {i: tuple(row.tolist()) for i, row in zip(indices, rows, strict=True)}
        return [found[i] for i in range(len(samples))]

    def gap(self, samples: Sequence[Sample], temperature: float) -> Gap:
        """Compares the sampler's log-probs of these samples with the learner's own."""
        own = self.logprobs(samples, temperature)
        gaps = [abs(a - b) for x, s in zip(own, samples, strict=True) for a, b in zip(x, s.logprobs_T, strict=True)]
        return Gap(mean=sum(gaps) / len(gaps), max=max(gaps), tokens=len(gaps))

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
            totals: of each update.
            lrs: learning rate of each update.

        Raises RunError when a gradient is not finite: the weights are then left as they were before it.
        """
        several = algorithm.needs_old and len(minibatches) > 1
        old = [self.logprobs(samples, temperature) if several else None for samples in minibatches]
        return [
            self._update(samples, before, total, algorithm, lr, temperature)
            for samples, before, total, lr in zip(minibatches, old, totals, lrs, strict=True)
        ]

    def _update(
        self,
        samples: Sequence[Sample],
        old: Sequence[tuple[float, ...]] | None,
        totals: Totals,
        algorithm: Algorithm,
        lr: float,
        temperature: float,
    ) -> dict[str, float]:
        self._refresh_reference(algorithm)
        sums: dict[str, float] = {}
        for indices in microbatches(samples, self.spec.microbatch_tokens):
            batch = collate([samples[i] for i in indices], PAD_ID, self.device)
            old_K = None if old is None else torch.tensor([x for i in indices for x in old[i]], device=self.device)
            terms = loss(self._tokens(batch, old_K, algorithm, temperature), totals, algorithm)
            terms.loss.backward()
            sums = merge([sums, {key: value.item() for key, value in terms.sums.items()}])
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.spec.grad_clip).item()
        if not math.isfinite(norm):
            self.optimizer.forget_gradients()
            raise RunError(
                f"the gradient of update {self.updates + 1} is not finite (norm {norm})",
                "stepping on it would destroy the policy",
                "lower learner.lr, or look for NaN rewards in the rollouts of this step",
            )
        self.optimizer.step(lr)
        self.updates += 1
        return sums | {"max/grad_norm": norm}

    def save(self, folder: Path) -> None:
        """Writes a Hugging Face folder plus trainer.pt, from which `load` goes on exactly."""
        self._save_policy(folder)
        state = {
            "policy": self.policy.state_dict(),  # fp32 masters, also when the folder's weights are bf16
            "optimizer": self.optimizer.state_dict(),
            "reference": None if self.reference is None else self.reference.state_dict(),
            "updates": self.updates,
        }
        torch.save(state, folder / TRAINER_STATE)

    def close(self) -> None:
        self.outbox.close()

    def _save_policy(self, folder: Path) -> None:
        policy_model.save(self.policy, self.dtype, folder)
        for file in self.folder.iterdir():
            if file.name.startswith(("tokenizer", "special_tokens", "chat_template", "vocab", "merges")):
                shutil.copy(file, folder / file.name)

    def _tokens(self, batch: Batch, old_K: torch.Tensor | None, algorithm: Algorithm, temperature: float) -> Tokens:
        logprobs_K, entropy_K = self._logprobs(self.policy, batch, temperature, algorithm.entropy_gradient)
        return Tokens(
            logprobs_K=logprobs_K,
            entropy_K=entropy_K,
            sampler_logprobs_K=batch.sampler_logprobs_K,
            old_logprobs_K=logprobs_K.detach() if old_K is None else old_K,
            reference_logprobs_K=self._reference_logprobs(batch, temperature),
            advantages_K=batch.advantages_K,
            sequence_K=batch.sequence_K,
        )

    def _logprobs(
        self, model: Any, batch: Batch, temperature: float, entropy_gradient: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        with self._autocast():
            return token_logprobs(model, batch.ids_BT, batch.keep_BT, temperature, entropy_gradient)

    @torch.no_grad()
    def _reference_logprobs(self, batch: Batch, temperature: float) -> torch.Tensor | None:
        if self.reference is None:
            return None
        return self._logprobs(self.reference, batch, temperature)[0]

    def _refresh_reference(self, algorithm: Algorithm) -> None:
        due = algorithm.reference_every and self.updates % algorithm.reference_every == 0
        if algorithm.kl and (self.reference is None or due):
            self._set_reference(self.policy.state_dict())

    def _set_reference(self, weights: dict[str, torch.Tensor]) -> None:
        if self.reference is None:
            self.reference = policy_model.load(self.folder, self.dtype, self.device).requires_grad_(False)
        self.reference.load_state_dict(copy.deepcopy(weights))

    def _restore(self, file: Path) -> None:
        state = torch.load(file, map_location=self.device, weights_only=True)
        self.policy.load_state_dict(state["policy"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]
        if state["reference"] is not None:
            self._set_reference(state["reference"])

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16)


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
