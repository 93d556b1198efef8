"""Who runs where: Ray up, actors placed, and everything down again whatever happens."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

import ray

from r1rl import actors
from r1rl.actors import Actor
from r1rl.engine import compat
from r1rl.engine.actor import Engine
from r1rl.engine.spec import SAMPLED_AT_ONCE, EngineSpec
from r1rl.errors import UserError
from r1rl.learner import Learner, LearnerSpec
from r1rl.learners import Learners
from r1rl.recipe import Recipe
from r1rl.rollout import Rollouts

STOP_S = 15.0  # for vLLM to end its processes by itself before they are killed
KNOCK_S = 10.0
PEERS_S = 60.0
BESIDE_A_GPU = 4  # CPU threads of a learner whose arithmetic is done by a GPU: more would only wait for each other


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """What there is, and what follows from it.

    >>> Hardware(device="cpu", dtype="float32", gpus=0, threads=2).transport(ranks=1, workers=2)
    'shm'
    """

    device: str
    dtype: str  # of compute and of the sampler's weights
    gpus: int
    threads: int
    peers: bool = False  # all GPUs are of one host and can read each other's memory
    hosts: int = 1

    def transport(self, ranks: int, workers: int, wanted: str = "auto") -> str:
        """How weights reach the samplers: the fastest way that this hardware has, or the one that is wanted.

        In this order: CUDA IPC where a sampler's GPU can read the learner's memory, shared memory on one host, NCCL
        where each has a GPU of its own, gloo everywhere. Raises UserError when the wanted one is not possible.

        >>> Hardware(device="cuda", dtype="bfloat16", gpus=16, threads=16, hosts=2).transport(ranks=4, workers=8)
        'nccl'
        """
        ways = {
            "ipc": (self.gpus == 1 or self.peers, "all GPUs must be of one host and reach each other's memory"),
            "shm": (self.hosts == 1, "all processes must be on one host"),
            "nccl": (
                self.gpus >= ranks and self.shares(ranks, workers) == (1.0, 1.0),
                f"{ranks} rank(s) and {workers} worker(s) need a GPU each",
            ),
            "gloo": (True, ""),
        }
        if wanted == "auto":
            return next(way for way, (possible, _) in ways.items() if possible)
        possible, need = ways[wanted]
        if not possible:
            raise UserError(
                f"rollout.transport = {wanted} is not possible with {self.gpus} GPU(s) on {self.hosts} host(s)",
                need,
                "leave it out, or write auto or gloo",
            )
        return wanted

    def shares(self, ranks: int, workers: int) -> tuple[float, float]:
        """Of a GPU, for each rank of the learner and for each worker: one each where there are enough.

        Where they share, a rank takes more than half, so that Ray never puts two on one GPU, which NCCL refuses.

        >>> Hardware(device="cuda", dtype="bfloat16", gpus=2, threads=16).shares(ranks=2, workers=1)
        (0.51, 0.49)
        """
        if not self.gpus:
            return 0.0, 0.0
        if ranks > self.gpus:
            raise UserError(
                f"learner.ranks = {ranks} is more than the {self.gpus} GPUs there are",
                "each rank needs a GPU of its own",
                f"write {self.gpus} or less",
            )
        on_one = -(-(ranks + workers) // self.gpus)  # Ray gives parts of one GPU only: 0.67 of two would never start
        return (1.0, 1.0) if on_one == 1 else (0.51, 0.49 / (on_one - 1))


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Ray, started here or joined; always left, and what was started here always ended. Inside another one: nothing.

    Raises UserError when there is no cluster at `address`.
    """
    if ray.is_initialized():  # whoever connected first also leaves
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # Ray's 15 would give way to anything else on the machine
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        options |= {"include_dashboard": False, "object_store_memory": 512 * 2**20}
        options |= {"num_cpus": 0}  # Ray starts a process for each, and nothing here asks for one
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        _knock(address)
        ray.init(address=address or "local", **options)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_terminate)  # Ray's own prints stacks and ends without cleaning up
    except OSError as error:
        raise UserError(
            f"there is no Ray cluster at {address}: {error}",
            "the recipe's ray.address names a running one",
            "start it (`ray start --head`), correct the address, or leave it out to run on this machine",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raises OSError where nobody listens: Ray itself goes on trying for minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def hardware(dtype: str) -> Hardware:
    """The cluster's accelerators; `dtype` "auto" becomes bfloat16 where it is fast."""
    gpus, hosts = int(ray.cluster_resources().get("GPU", 0)), sum(node["Alive"] for node in ray.nodes())
    if dtype == "auto":
        dtype = "bfloat16" if gpus or _amx() else "float32"
    return Hardware(
        device="cuda" if gpus else "cpu",
        dtype=dtype,
        gpus=gpus,
        threads=_cores(),
        peers=gpus > 1 and hosts == 1 and _peers(gpus),
        hosts=hosts,
    )


def _peers(gpus: int) -> bool:
    """Whether each GPU of this host can read the memory of every other; no, if they are too busy to be asked."""
    asked = ray.remote(num_cpus=0, num_gpus=gpus)(_reach_each_other).remote(gpus)
    try:
        return bool(ray.get(asked, timeout=PEERS_S))
    except ray.exceptions.GetTimeoutError:
        ray.cancel(asked)
        return False


def _reach_each_other(gpus: int) -> bool:
    import torch

    pairs = permutations(range(gpus), 2)
    return all(torch.cuda.can_device_access_peer(a, b) for a, b in pairs)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _amx() -> bool:
    # Without AMX tiles a CPU emulates bf16 products: slower than fp32, and less exact.
    with suppress(OSError):
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    return False


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How many engines, and how large.

    >>> Fleet(workers=2, max_length=256, max_sequences=128, memory_gib=1.0).workers
    2
    """

    workers: int
    max_length: int  # tokens, prompt plus completion
    max_sequences: int  # decoded at once by one engine
    memory_gib: float  # KV cache of one engine
    options: Mapping[str, object] = field(default_factory=dict)  # vLLM engine arguments that win over ours
    ranks: int = 1  # of a learner beside them


def fleet(recipe: Recipe) -> Fleet:
    """The engines of a recipe, large enough to decode all answers of one step at once."""
    sequences = -(-recipe.samples_per_step // recipe.rollout.workers)
    return Fleet(
        workers=recipe.rollout.workers,
        max_length=recipe.policy.max_length,
        max_sequences=min(sequences, SAMPLED_AT_ONCE),
        memory_gib=recipe.rollout.memory_gib,
        options=recipe.engine_options,
        ranks=recipe.learner.ranks,
    )


@contextmanager
def engines(
    fleet: Fleet, hw: Hardware, folder: Path, architecture: str, logs: Path, version: int = -1
) -> Iterator[list[Actor]]:
    """The rollout workers, importing and loading while the caller goes on; ended on leaving.

    Args:
        version: the policy version the folder holds; -1 when the weights come by sync.
    """
    started: list[Actor] = []
    try:
        for worker in range(fleet.workers):
            spec = EngineSpec(
                worker=worker,
                model=folder.resolve(),
                architecture=architecture,
                device=hw.device,
                dtype=hw.dtype,
                max_length=fleet.max_length,
                max_sequences=fleet.max_sequences,
                memory_gib=fleet.memory_gib,
                threads=hw.threads,
                log=(logs / f"rollout-{worker}.log").resolve(),
                version=version,
                options=fleet.options,
            )
            compat.require_possible(spec)
            compat.require_positions(spec)
            _, gpus = hw.shares(fleet.ranks, fleet.workers)
            started.append(actors.spawn(Engine, spec, name=f"rollout worker {worker}", gpus=gpus, env={}))
        yield started
    finally:
        stop(started, "stop")


def rollouts(started: list[Actor], starting: list[object], start_s: float, step_s: float) -> Rollouts:
    """Waits until all engines are up. Raises EngineError naming the one that is not, with the end of its log."""
    actors.wait(started, starting, start_s, "starting vLLM")
    return Rollouts(started, step_s)


@contextmanager
def learners(recipe: Recipe, hw: Hardware, run_id: str, logs: Path) -> Iterator[Learners]:
    """The ranks of the learner, knowing each other; ended on leaving."""
    settings, started = recipe.learner, []
    gpus, _ = hw.shares(settings.ranks, recipe.rollout.workers)
    transport = hw.transport(settings.ranks, recipe.rollout.workers, recipe.rollout.transport)
    threads = max(1, hw.threads // settings.ranks)
    if hw.gpus and settings.optimizer != "adamw_cpu":
        threads = min(threads, BESIDE_A_GPU)
    try:
        for rank in range(settings.ranks):
            spec = LearnerSpec(
                run_id=run_id,
                device=hw.device,
                dtype=hw.dtype,
                transport=transport,
                threads=threads,
                microbatch_tokens=recipe.microbatch_tokens,
                betas=settings.betas,
                weight_decay=settings.weight_decay,
                grad_clip=settings.grad_clip,
                log=(logs / (f"learner-{rank}.log" if settings.ranks > 1 else "learner.log")).resolve(),
                rank=rank,
                ranks=settings.ranks,
                deadline_s=settings.deadline_s,
                checkpointing=settings.checkpointing,
                fusion=settings.fusion,
            )
            name = f"learner rank {rank}" if settings.ranks > 1 else "learner"
            env = {"OMP_NUM_THREADS": str(threads)}  # Ray would set it to 1
            started.append(actors.spawn(Learner, spec, name=name, gpus=gpus, env=env))
        together = Learners(started, settings.deadline_s)
        together.join()
        yield together
    finally:
        stop(started, "close")


def stop(started: list[Actor], method: str) -> None:
    """Asks actors to end by themselves, then ends their processes."""
    stopping = [actor.call(method) for actor in started]
    with suppress(Exception):  # shutdown door: whatever fails here, the processes are killed next
        ray.wait(stopping, num_returns=len(stopping), timeout=STOP_S)
    for actor in started:
        with suppress(Exception):
            actors.kill(actor)
