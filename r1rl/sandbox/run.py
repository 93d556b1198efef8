"""One run from start to verdict of the machine: what a candidate did with one test, and if it failed, how.

A program from stdin to stdout and a call of one function are one child each. An assert-style test is two, the candidate
and the checker, with every message between them passing here: so neither sees the other's pipes, and when time runs out
it is known on whom everybody was waiting.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import signal
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from r1rl.sandbox import wire
from r1rl.sandbox.child import Child, Ended, Limits
from r1rl.sandbox.client import SandboxError, Zygote
from r1rl.sandbox.driver import READY
from r1rl.sandbox.remote import RPC


class Kind(StrEnum):
    """How a run ended. OK means that it did what was asked, not that the answer is right."""

    OK = "ok"
    WRONG = "wrong"  # a checker's assertion failed
    COMPILE = "compile"
    ERROR = "error"
    TIME = "time"
    MEMORY = "memory"
    FLOOD = "flood"
    HARNESS = "harness"  # the sandbox or the test failed, and nothing is known about the candidate


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one run.

    >>> Outcome(kind=Kind.OK, detail="", stdout=b"42\\n", value=None, seconds=0.01).kind.value
    'ok'
    """

    kind: Kind
    detail: str
    stdout: bytes  # of a program
    value: Any  # of a call, as wire.encode writes it: data of a candidate's making, which nobody has decoded yet
    seconds: float  # of the candidate's CPU time


START_S = 5.0  # a child takes 5 ms; the machine may be busy
TOLD = {Kind.OK, Kind.COMPILE, Kind.ERROR, Kind.MEMORY, Kind.FLOOD}  # what a candidate's side may say of itself


def program(zygote: Zygote, source: str, stdin: bytes, limits: Limits, deadline: float) -> Outcome:
    """Runs a program with this input. `deadline` is a time of time.monotonic()."""
    child = zygote.spawn(limits, {"do": "stdio", "source": source}, stdin)
    return _alone(zygote, child, deadline, may_exit=True)


def call(zygote: Zygote, source: str, entry_point: str, args: list[Any], limits: Limits, deadline: float) -> Outcome:
    """Calls a function of a program; the value comes back as JSON."""
    job = {"do": "call", "source": source, "entry_point": entry_point, "args": wire.encode(args)}
    return _alone(zygote, zygote.spawn(limits, job), deadline, may_exit=False)


def check(zygote: Zygote, source: str, entry_point: str, checker: str, limits: Limits, deadline: float) -> Outcome:
    """Runs `check(candidate)` of a checker against a program. OK if the checker says the nonce, and only then."""
    nonce = secrets.token_hex(16)
    candidate = zygote.spawn(limits, {"do": "serve", "source": source, "entry_point": entry_point})
    job = {"do": "check", "source": checker, "entry_point": entry_point, "nonce": nonce}
    judge = zygote.spawn(limits, job, largest=wire.LARGEST_OF_CHECKER)
    kind, detail = _converse(zygote, candidate, judge, nonce, deadline)
    zygote.end(judge)
    ended = zygote.end(candidate)
    late = ended.cpu_s >= limits.seconds and kind is not Kind.HARNESS
    kind, detail = (Kind.TIME, _spent(ended)) if late else (kind, detail)
    return Outcome(kind=kind, detail=detail, stdout=b"", value=None, seconds=ended.cpu_s)


def _alone(zygote: Zygote, child: Child, deadline: float, may_exit: bool) -> Outcome:
    ready = _started(zygote, child, deadline)
    in_time = ready and zygote.pump(lambda: child.finished, deadline)
    ended = zygote.end(child)
    if ready:
        kind, detail, value = _verdict(child, ended, in_time, may_exit)
    else:
        kind, detail, value = Kind.HARNESS, "the child did not start", None
    return Outcome(kind=kind, detail=detail, stdout=bytes(child.stdout), value=value, seconds=ended.cpu_s)


def _verdict(child: Child, ended: Ended, in_time: bool, may_exit: bool) -> tuple[Kind, str, Any]:
    fault = _fault(child, ended, in_time)
    if fault:
        return *fault, None
    report = child.frame()
    if report is None:  # a program that ends itself with os._exit(0) may have printed all it wanted
        return (Kind.OK if may_exit and ended.status == 0 else Kind.ERROR), _died(ended), None
    return _read(report)


def _fault(child: Child, ended: Ended, in_time: bool) -> tuple[Kind, str] | None:
    """What a child did that ends the matter, whatever it says itself."""
    if child.flooded:
        return Kind.FLOOD, f"more than {wire.LARGEST:,} bytes"
    if not in_time:
        return Kind.TIME, "it did not end before the deadline"
    out_of_time = os.WIFSIGNALED(ended.status) and os.WTERMSIG(ended.status) == signal.SIGXCPU
    if out_of_time or ended.cpu_s >= child.limits.seconds:
        return Kind.TIME, _spent(ended)
    return None


def _spent(ended: Ended) -> str:
    return f"{ended.cpu_s:.1f} s of CPU time"


def _died(ended: Ended) -> str:
    if os.WIFSIGNALED(ended.status):
        return f"killed by signal {os.WTERMSIG(ended.status)}"
    return f"status {os.waitstatus_to_exitcode(ended.status)}"


def _converse(zygote: Zygote, candidate: Child, judge: Child, nonce: str, deadline: float) -> tuple[Kind, str]:
    """Passes messages, one from each side in turn, until the checker reports or somebody fails."""
    for child in (candidate, judge):
        if not _started(zygote, child, deadline):
            return Kind.HARNESS, "a child did not start"
    loaded = _next(zygote, candidate, deadline)
    if loaded is None:
        return _silence(zygote, candidate, deadline)
    kind, detail, _ = _read(loaded)
    if kind is not Kind.OK:
        return kind, detail
    asked = False
    while True:
        message = _next(zygote, judge, deadline)
        if message is None:
            kind, detail = _silence(zygote, judge, deadline)
            return kind if asked else Kind.HARNESS, f"in the checker: {detail}"
        if not message.startswith(RPC):
            return _reported(message, nonce)
        zygote.send(candidate, message[1:])
        reply = _next(zygote, candidate, deadline)
        if reply is None:
            return _silence(zygote, candidate, deadline)
        asked = True
        zygote.send(judge, reply)


def _started(zygote: Zygote, child: Child, deadline: float) -> bool:
    """Has START_S at least: a candidate that lets time run out in one case must not make the next a harness failure."""
    return _next(zygote, child, max(deadline, time.monotonic() + START_S)) == READY


def _next(zygote: Zygote, child: Child, deadline: float) -> bytes | None:
    """The next message from a child, or None: there is none before the deadline, or ever."""
    message: list[bytes] = []

    def arrived() -> bool:
        frame = child.frame()
        if frame is not None:
            message.append(frame)
        return bool(message) or child.finished

    zygote.pump(arrived, deadline)
    return message[0] if message else None


def _silence(zygote: Zygote, child: Child, deadline: float) -> tuple[Kind, str]:
    """Why no message came."""
    in_time = time.monotonic() < deadline
    ended = zygote.end(child)
    return _fault(child, ended, in_time) or (Kind.ERROR, f"it ended too soon: {_died(ended)}")


def _read(report: bytes) -> tuple[Kind, str, Any]:
    """What a candidate's side says of itself."""
    try:
        told = json.loads(report)
        kind = Kind(told["kind"])
        if kind in TOLD:
            return kind, str(told.get("detail", ""))[:1000], told.get("value")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError):
        pass
    return Kind.ERROR, "it wrote nonsense where its result belongs", None


def _reported(message: bytes, nonce: str) -> tuple[Kind, str]:
    report = json.loads(message)
    if report["kind"] == "passed":
        if hmac.compare_digest(report["nonce"], nonce):
            return Kind.OK, ""
        raise SandboxError("a checker passed with a wrong nonce")
    if report["kind"] == "broken":
        return Kind.HARNESS, f"the checker fails by itself: {report['detail']}"
    return Kind(report["kind"]), report["detail"]
