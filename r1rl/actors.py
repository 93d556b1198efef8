"""Ray at arm's length: start an actor, wait for it with a deadline, and say who is to blame when it does not answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorDiedError, GetTimeoutError, RayActorError, RayTaskError

from r1rl.errors import EngineError, R1Error

LOG_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A handle with a name and a log, so that every failure can name the culprit."""

    handle: Any
    name: str  # as the user knows it: "rollout worker 0", "learner"
    log: Path

    def call(self, method: str, *arguments: object) -> Any:
        """Starts a method; returns Ray's reference to the result."""
        return getattr(self.handle, method).remote(*arguments)


def spawn(cls: type, spec: Any, *, name: str, gpus: float, env: dict[str, str]) -> Actor:
    """Starts `cls(spec)` in a process of its own. `spec.log` is where its output goes."""
    options = {"num_cpus": 0, "num_gpus": gpus, "max_restarts": 0, "runtime_env": {"env_vars": env}}
    return Actor(handle=ray.remote(cls).options(**options).remote(spec), name=name, log=spec.log)


def wait(actors: Sequence[Actor], references: Sequence[Any], seconds: float, doing: str) -> list[Any]:
    """The results, in order, within `seconds` for all.

    Raises EngineError naming the actor that is late, died or failed; errors of r1rl come through as they are.
    """
    end = time.monotonic() + seconds
    return [result(actor, reference, end, seconds, doing) for actor, reference in zip(actors, references, strict=True)]


def each(actors: Sequence[Actor], references: Sequence[Any], seconds: float, doing: str) -> Iterator[tuple[int, Any]]:
    """(place, result) of each as it is ready, within `seconds` for all. Raises as `wait` does."""
    end = time.monotonic() + seconds
    left = {reference: place for place, reference in enumerate(references)}
    while left:
        reference = wait_any(list(left), max(0.0, end - time.monotonic()))[0]
        place = left.pop(reference)
        yield place, result(actors[place], reference, end, seconds, doing)


def wait_any(references: Sequence[Any], seconds: float) -> list[Any]:
    """Those references that are ready, at least one if any is ready within `seconds`; else one that is late."""
    ready, late = ray.wait(list(references), num_returns=1, timeout=seconds)
    return ready or late[:1]


def wait_one(actor: Actor, reference: Any, seconds: float, doing: str) -> Any:
    return wait([actor], [reference], seconds, doing)[0]


def result(actor: Actor, reference: Any, end: float, seconds: float, doing: str) -> Any:
    """One result, until `end` (time.monotonic), which is `seconds` after its call. Raises as `wait` does."""
    try:
        return ray.get(reference, timeout=max(0.0, end - time.monotonic()))
    except GetTimeoutError as error:
        raise EngineError(
            f"{actor.name} did not finish {doing} within {seconds:g} s",
            f"it may hang, or the machine is too slow for the recipe; the end of its log:\n{tail(actor.log)}",
            f"read {actor.log}; raise the deadline in the recipe if it was only slow",
        ) from error
    except RayTaskError as error:
        if isinstance(error.cause, R1Error):
            raise error.cause from None
        raise EngineError(
            f"{actor.name} failed while {doing}: {type(error.cause).__name__}: {str(error.cause)[:400]}",
            f"the end of its log:\n{tail(actor.log)}",
            f"read the whole of {actor.log}",
        ) from error
    except (ActorDiedError, RayActorError) as error:
        raise EngineError(
            f"{actor.name} died while {doing}",
            f"killed (out of memory?) or crashed; the end of its log:\n{tail(actor.log)}",
            f"read {actor.log}; the run can go on with --resume from its last checkpoint",
        ) from error


def kill(actor: Actor) -> None:
    ray.kill(actor.handle, no_restart=True)


def tail(log: Path, lines: int = LOG_LINES) -> str:
    """The last lines of a log, indented."""
    if not log.exists():
        return "    (no log was written)"
    with open(log, "rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line[:200]}" for line in text.splitlines()[-lines:])
