"""How long one step takes: a simple cost model, and all its assumptions.

Sampling: each decoding step of an engine reads the weights it needs and the KV cache of all live sequences, or
computes, whichever takes longer, and then costs the host some time. Learning: 6 FLOP per active parameter and token for
forward and backward, 2 for a forward pass (arXiv 2001.08361 sec. 2.1), plus attention, at a share of the card's peak;
sharded weights travel in the meantime. Judging is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from r1rl.planning.architecture import Architecture
from r1rl.planning.hardware import Card
from r1rl.planning.parameters import Parameters

POINTS = 64  # at which the shrinking batch of a rollout's end is looked at
WIDE = 4096  # hidden size from which on matrices fill a GPU
HOST_CARDS = 8  # GPUs of one host
NETWORK_GBS = 50  # GB/s of one GPU to other hosts: 400 Gb/s


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What cannot be derived. Where the numbers come from stands beside them.

    >>> Assumptions().mfu
    0.4
    """

    mfu: float = 0.40  # of a dense policy; Megatron reaches up to 0.47 on H100
    mfu_experts: float = 0.25  # of a mixture: NeMo AutoModel, DeepSeek-V3 on 256 H100
    read_efficiency: float = 0.6  # of memory bandwidth, reached while decoding
    host_s: float = 0.003  # per decoding step on a GPU: vLLM 0.26 with CUDA graphs and sampled log-probs, one H200
    host_sequence_s: float = 20e-6  # per decoding step and sequence; measured there: 1,024 sequences, 44k tokens/s
    cpu_host_s: float = 0.015  # the same on 2 CPU cores, vLLM 0.32
    cpu_host_sequence_s: float = 200e-6
    sync_s: float = 0.1  # per weight sync, whatever its size: measured on one H200
    wire_gbs: float = 5.0  # GB/s through the host's shared memory, digests included


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What one step has to do.

    >>> Workload(samples=256, group=8, prompt=20, answer=24, longest=40).tokens
    11264
    """

    samples: int  # answers
    group: int  # of one prompt
    prompt: float  # tokens, mean
    answer: float  # tokens, mean
    longest: int  # tokens of an answer at most
    forwards: int = 0  # passes without a gradient over every token: old log-probs, reference
    recompute: bool = False
    row_tokens: int = 8192  # of a micro-batch

    @property
    def tokens(self) -> float:
        """That the learner sees."""
        return self.samples * (self.prompt + self.answer)

    @property
    def spread(self) -> tuple[float, float]:
        """Shortest and longest answer: lengths are taken as evenly spread around the mean, within the limit."""
        return max(0.0, 2 * self.answer - self.longest), min(2 * self.answer, float(self.longest))

    def alive(self, position: float) -> float:
        """Share of the answers that are longer than this."""
        low, high = self.spread
        return 1.0 if position < low else max(0.0, (high - position) / max(high - low, 1e-9))


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One sampling engine over some cards.

    >>> from r1rl.planning.hardware import GPUS
    >>> Engine(card=GPUS["h100"], cards=1, weight_bytes=2, cache_bytes=1024, at_once=256).at_once
    256
    """

    card: Card
    cards: int
    weight_bytes: int
    cache_bytes: float  # per token, all layers
    at_once: int  # sequences decoded together


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """Seconds of one step's rollout, and what they go into."""

    seconds: float
    host_s: float  # of them, the host's work between decoding steps
    read_s: float  # at least, were reading all there is to do, at full bandwidth
    tail_s: float  # with less than half of the sequences alive

    def times(self, n: float) -> Sampling:
        return Sampling(
            seconds=n * self.seconds, host_s=n * self.host_s, read_s=n * self.read_s, tail_s=n * self.tail_s
        )


def sampling(a: Architecture, p: Parameters, e: Engine, w: Workload, sequences: int, how: Assumptions) -> Sampling:
    """One engine's share of a rollout: `sequences` answers."""
    together = min(sequences, e.at_once)
    total = _Sum()
    waiting = (sequences - together) * w.answer / together  # decoding steps while others wait: the batch stays full
    total.add(waiting, *_decode(a, p, e, together, w.prompt + w.answer / 2, how), tail=False)
    width = w.spread[1] / POINTS
    for point in range(POINTS):
        position = (point + 0.5) * width
        alive = w.alive(position)
        total.add(width, *_decode(a, p, e, together * alive, w.prompt + position, how), tail=alive < 0.5)
    prefill = sequences / w.group * w.prompt * forward_flops(a, p, w.prompt) / _rate(a, e.card, e.cards, how)
    return Sampling(seconds=total.seconds + prefill, host_s=total.host, read_s=total.read, tail_s=total.tail)


class _Sum:
    seconds = host = read = tail = 0.0

    def add(self, steps: float, seconds: float, host: float, read: float, *, tail: bool) -> None:
        self.seconds += steps * seconds
        self.host += steps * host
        self.read += steps * read
        self.tail += steps * seconds * tail


def _decode(
    a: Architecture, p: Parameters, e: Engine, batch: float, context: float, how: Assumptions
) -> tuple[float, float, float]:
    """(seconds, of them the host's, seconds of reading at full bandwidth) of one decoding step."""
    read = (e.weight_bytes * touched(a, p, batch) + batch * context * e.cache_bytes) / e.cards
    reading = read / (e.card.bandwidth_gbs * 1e9)
    computing = 2 * p.active * batch / _rate(a, e.card, e.cards, how)
    gpu = e.card.on_gpu
    host = (how.host_s if gpu else how.cpu_host_s) + batch * (how.host_sequence_s if gpu else how.cpu_host_sequence_s)
    return max(reading / how.read_efficiency, computing) + host, host, reading


def touched(a: Architecture, p: Parameters, batch: float) -> float:
    """Parameters that a batch of tokens reads: of the experts those that at least one token visits."""
    experts = p.parts.get("experts", 0)
    if not experts:
        return p.active
    visited = 1 - (1 - a.experts_per_token / a.experts) ** batch
    return p.active - experts * a.experts_per_token / a.experts + experts * visited


def forward_flops(a: Architecture, p: Parameters, length: float) -> float:
    """Of one token in a sequence of this many, causal attention included."""
    return 2 * p.active + a.layers * a.heads * (a.key_size + a.value_size) * length


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Seconds of one step's updates: the longer of the two, since they overlap."""

    compute_s: float
    network_s: float  # sharded weights gathered, gradients scattered

    @property
    def seconds(self) -> float:
        return max(self.compute_s, self.network_s)


def learning(
    a: Architecture, p: Parameters, card: Card, ranks: int, weight_bytes: int, w: Workload, how: Assumptions
) -> Learning:
    """One step's updates over some ranks."""
    passes = 3 + w.recompute + w.forwards
    compute = w.tokens * passes * forward_flops(a, p, w.prompt + w.answer) / _rate(a, card, ranks, how)
    rows = max(1.0, w.tokens / ranks / w.row_tokens)
    moved = rows * (2 + w.forwards) * weight_bytes * p.total + rows * 4 * p.total  # forward, backward; gradients fp32
    return Learning(compute_s=compute, network_s=moved / _link(card, ranks) if ranks > 1 else 0.0)


def sync_bytes(p: Parameters, weight_bytes: int) -> float:
    """Of one weight sync to one engine."""
    return weight_bytes * p.total


def sync(p: Parameters, card: Card, ranks: int, weight_bytes: int, on_card: bool, how: Assumptions) -> float:
    """Seconds: gathered from the ranks, then through CUDA IPC or the host's shared memory to all engines at once."""
    size = sync_bytes(p, weight_bytes)
    gathered = size / _link(card, ranks) if ranks > 1 else 0.0
    wire = size / (card.bandwidth_gbs * 1e9 / 10) if on_card else size / (how.wire_gbs * 1e9)
    return how.sync_s + gathered + wire


def mfu(a: Architecture, card: Card, how: Assumptions) -> float:
    """Share of the card's peak in training. Narrow policies don't fill a GPU: in proportion below a width of 4,096.

    A Llama of 135M parameters (width 576) reached 54k to 70k tokens/s on one H200, 4.4 to 5.7%; this says 5.6%.
    """
    if not card.on_gpu:
        return 1.0  # its rate is one that was reached
    return (how.mfu_experts if a.experts else how.mfu) * min(1.0, a.width / WIDE)


def _rate(a: Architecture, card: Card, cards: int, how: Assumptions) -> float:
    return cards * card.tflops * 1e12 * mfu(a, card, how)


def _link(card: Card, ranks: int) -> float:
    """Bytes per second into one rank."""
    return (card.link_gbs / 2 if ranks <= HOST_CARDS else NETWORK_GBS) * 1e9
