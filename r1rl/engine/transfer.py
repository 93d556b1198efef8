"""The sampler's end of the weight wire: a vLLM weight-transfer engine that takes r1rl parcels.

It runs inside vLLM's worker process. vLLM imports this file there because `Worker` below is named as its worker
extension, and the import registers the transfer engine: no plugin has to be installed.

A model that computes with its weights as a checkpoint has them, a dense one on a GPU, gets them in place. All others
hold packed, quantized or derived weights and take vLLM's own layerwise reload, which makes those anew; it costs more
than twice the time (bench/sync.py). vLLM's CPU worker needs help with it: after loading it packs every linear weight
for oneDNN and frees the original, and packs the experts only when the MoE kernel is built. Layerwise reload assumes
neither: it fails on the freed tensors, or leaves the experts unpacked and the router with its old correction bias,
without an error. `_forget_packed` and `_restore_shared` are the cure; tests/test_sync_real.py perturbs one group of
parameters at a time and shows that each arrives.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
from dataclasses import asdict, dataclass
from typing import Any

import numpy
import torch
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.linear import UnquantizedLinearMethod
from vllm.model_executor.layers.vocab_parallel_embedding import UnquantizedEmbeddingMethod
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload
from vllm.model_executor.model_loader.reload.layerwise import get_layerwise_info

from r1rl.digest import digests
from r1rl.engine import cpu_drafts
from r1rl.engine.scheduler import LEDGER
from r1rl.inbox import Inbox
from r1rl.sync import Parcel, Receipt, views

BACKEND = "r1rl"
UNRECORDED = ("e_score_correction_bias", ".bias")
AS_STORED = (type(None), UnquantizedLinearMethod, UnquantizedEmbeddingMethod)  # how a layer treats its weights
PR_SET_PDEATHSIG = 1


@dataclass
class Init(WeightTransferInitInfo):
    version: int  # of the policy the engine was started with


@dataclass
class Update(WeightTransferUpdateInfo):
    parcel: bytes  # pickled: vLLM's own wire to this process carries plain values only


class ParcelEngine(WeightTransferEngine[Init, Update]):
    """vLLM's init / start / update / finish protocol over r1rl parcels."""

    init_info_cls = Init
    update_info_cls = Update

    def init_transfer_engine(self, init_info: Init) -> None:
        self.receipt: dict[str, Any] = {}
        self.inbox = Inbox(self.device)
        LEDGER.version = init_info.version
        if self.device.type == "cpu":
            cpu_drafts.mend()

    def start_weight_update(self) -> None:
        # vLLM has set self.model: the policy, or the draft model, which shares embedding and head with it.
        self.expected = _checkpoint_parameters(self.model)
        if self.model_config.hf_config.tie_word_embeddings or self.model is not self._default_model:
            self.expected.discard("lm_head.weight")  # another name for the embedding, or for the draft's shared head
        self.in_place = all(computes_as_stored(layer) for layer in self.model.modules())
        if not self.in_place:
            self._start_reload()

    def _start_reload(self) -> None:
        initialize_layerwise_reload(self.model)
        self.shared = _forget_packed(self.model) if self.device.type == "cpu" else []

    def receive_weights(self, update_info: Update) -> None:
        parcel: Parcel = pickle.loads(update_info.parcel)
        buffer = self.inbox.open(parcel)
        received = digests(buffer, parcel.slots)
        loaded: set[str] = self.model.load_weights(views(buffer, parcel.slots))  # type: ignore[operator]
        untouched = tuple(sorted(self.expected - loaded))
        self.receipt = asdict(Receipt(version=parcel.version, digests=received, untouched=untouched))

    def finish_weight_update(self) -> None:
        if not self.in_place:
            finalize_layerwise_reload(self.model, self.model_config)
            _restore_shared(self.shared)
        LEDGER.version = self.receipt["version"]

    def shutdown(self) -> None:
        pass

    @staticmethod
    def trainer_send_weights(iterator: Any, trainer_args: Any) -> None:
        """Abstract in vLLM 0.26, gone in 0.32. The sender's end is r1rl.sync.Outbox."""
        raise NotImplementedError


def computes_as_stored(layer: torch.nn.Module) -> bool:
    """Whether a layer of vLLM's computes with its own parameters, and they are those that a checkpoint fills.

    Attention derives only the scales of a quantized cache; anything else that processes weights may derive from them.
    """
    derives = hasattr(layer, "process_weights_after_loading") and type(layer) is not Attention
    stored = get_layerwise_info(layer).restore_metadata[0]
    held = {name: (p.shape, p.dtype) for name, p in layer._parameters.items() if p is not None}
    return (
        not derives
        and type(getattr(layer, "quant_method", None)) in AS_STORED
        and all(held.get(name) == (p.shape, p.dtype) for name, p in stored.items())
    )


def _checkpoint_parameters(model: torch.nn.Module) -> set[str]:
    """Names of the parameters a checkpoint fills: those that existed before vLLM derived others from them.

    vLLM's record of them leaves out those its reload handles in place, UNRECORDED.
    """
    recorded = {
        f"{prefix}.{name}" if prefix else name
        for prefix, layer in model.named_modules()
        for name in get_layerwise_info(layer).restore_metadata[0]
    }
    return recorded | {name for name, _ in model.named_parameters() if name.endswith(UNRECORDED)}


Held = tuple[torch.nn.Module, dict[str, torch.Tensor]]


def _forget_packed(model: torch.nn.Module) -> list[Held]:
    """Makes the reload build packed weights anew. Returns tensors that other modules hold by reference."""
    held: list[Held] = []
    for layer in model.modules():
        info = get_layerwise_info(layer)
        parameters = info.kernel_tensors[0] if info.kernel_tensors else {}
        if any(p.numel() == 0 for p in parameters.values()):  # packed and freed: take the newly packed weight
            held.append((layer, {name: p for name, p in parameters.items() if p.numel()}))
            info.kernel_tensors = None
        elif getattr(getattr(layer, "quant_method", None), "moe_kernel", None) is not None:  # pack the experts again
            layer.quant_method.moe_kernel, info.kernel_tensors = None, None  # type: ignore[union-attr]
    return held


def _restore_shared(held: list[Held]) -> None:
    # The router keeps the gate's correction bias by reference: put the new values into the old tensor.
    for layer, tensors in held:
        for name, tensor in tensors.items():
            tensor.data.copy_(getattr(layer, name).data)
            delattr(layer, name)
            layer.register_parameter(name, tensor)  # type: ignore[arg-type]


class Worker:
    """Methods added to vLLM's worker; called through `collective_rpc`."""

    weight_transfer_engine: Any

    def r1rl_join(self, meeting: bytes, rank: int) -> None:
        """Meets the sender and the other receivers, for weights that are broadcast; a pickled Meeting."""
        self.weight_transfer_engine.inbox.join(pickle.loads(meeting), rank)

    def r1rl_receipt(self) -> dict[str, Any]:
        return self.weight_transfer_engine.receipt

    def r1rl_written(self, request_ids: list[str]) -> list[tuple[bytes, list[int]]]:
        """(log-probs, versions) of finished completions, by vLLM's own request ids."""
        return LEDGER.take(request_ids)

    def r1rl_seed(self, seed: int) -> None:
        """Seeds the sampler. With all requests added before the scheduler runs, equal seeds give equal samples.

        vLLM has two: the older one draws from torch, the one that dense models get on a GPU seeds each request with a
        number of numpy's.
        """
        torch.manual_seed(seed)
        numpy.random.seed(seed % 2**32)


def _die_with_parent() -> None:
    # An engine process must not outlive its actor, however that one ends (SIGKILL included).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


if BACKEND not in WeightTransferEngineFactory._registry:
    WeightTransferEngineFactory.register_engine(BACKEND, ParcelEngine)
    _die_with_parent()
