"""The child's side of a run: reads its job, runs the candidate's program and tells how that went.

Everything here shares a process with hostile code, which may change or imitate any of it. That is harmless, because
this side only ever says what the program printed or returned, and knows neither the right answer nor the comparer.
"""

from __future__ import annotations

import _sitebuiltins
import atexit
import builtins
import json
import os
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, NoReturn, TextIO

from r1rl.sandbox import checker, wire
from r1rl.sandbox.server import Server

JOB, RESULT = 3, 4  # descriptors
READY = b"ready"
ENTRY_POINT = re.compile(r"(\w+)(\(\))?((?:\.\w+)*)")
LONGEST_DETAIL = 300


class Failed(Exception):
    """The candidate's program did not do its part."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(kind, detail)
        self.report = {"kind": kind, "detail": detail}


def main() -> NoReturn:
    wire.write_frame(RESULT, READY)
    job = json.loads(wire.read_frame(JOB))
    try:
        report = DO[job.pop("do")](**job)
    except Failed as failure:
        report = failure.report
    wire.write_frame(RESULT, json.dumps(report).encode())
    os._exit(0)  # not sys.exit: threads, destructors and exit handlers of the candidate have had their time


def stdio(source: str) -> dict[str, Any]:
    """Runs a program from stdin to stdout as `python program.py` would, to the last thread and exit handler."""
    output = sys.stdout
    try:
        load(source, "__main__")
    finally:
        _finish(output)
    return {"kind": "ok"}


def call(source: str, entry_point: str, args: Any) -> dict[str, Any]:
    """Calls one function of a program."""
    function = find(load(source, "solution"), entry_point)
    try:
        value = wire.encode(function(*wire.decode(args)))
        size = len(json.dumps(value))  # here, where a value that is too deep is the candidate's failure
    except BaseException as error:  # noqa: BLE001 - anything that a candidate raises is its answer
        raise _failed(error) from None
    if size > wire.LARGEST - 100:
        raise Failed("flood", f"returned {size:,} bytes")
    return {"kind": "ok", "value": value}


def serve(source: str, entry_point: str) -> NoReturn:
    """Offers a program's functions to a checker in another process, until that is done."""
    names = load(source, "solution")
    server = Server(names, find(names, entry_point), JOB, RESULT)
    wire.write_frame(RESULT, json.dumps({"kind": "ok"}).encode())
    server.serve()


def check(source: str, entry_point: str, nonce: str) -> dict[str, Any]:
    """Runs a checker, whose candidate is in another process."""
    return checker.check(source, entry_point, nonce, JOB, RESULT)


DO: dict[str, Callable[..., dict[str, Any]]] = {"stdio": stdio, "call": call, "serve": serve, "check": check}


def load(source: str, name: str) -> dict[str, Any]:
    """Runs a program's top level as a module; its names. Raises Failed."""
    try:
        code = compile(source, "<solution>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise Failed("compile", describe(error)) from None
    module = sys.modules[name] = ModuleType(name)
    try:
        exec(code, module.__dict__)
    except SystemExit as end:
        if name != "__main__" or end.code not in (None, 0):
            raise Failed("error", f"exited with {str(end.code)[:LONGEST_DETAIL]}") from None
    except BaseException as error:  # noqa: BLE001 - anything that a candidate raises is its failure
        raise _failed(error) from None
    return module.__dict__


def find(names: dict[str, Any], entry_point: str) -> Callable[..., Any]:
    """What an entry point names: `f`, `Class.method`, `Class().method`, or the method `f` of a class Solution."""
    match = ENTRY_POINT.fullmatch(entry_point)
    try:
        first, made, rest = match.groups() if match else (entry_point, None, "")
        if first not in names and hasattr(names.get("Solution"), first):
            first, rest = "Solution", f".{first}"
        found = names[first]
        if made or (rest and isinstance(found, type)):
            found = found()
        for attribute in rest.split(".")[1:]:
            found = getattr(found, attribute)
        return found
    except KeyError:
        raise Failed("error", f"there is no {entry_point}") from None
    except BaseException as error:  # noqa: BLE001 - the candidate's class runs here
        raise _failed(error) from None


def describe(error: BaseException) -> str:
    """An exception in a line. Its text is the candidate's code too, and may raise."""
    try:
        return f"{type(error).__name__}: {error}"[:LONGEST_DETAIL]
    except BaseException:  # noqa: BLE001
        return "an exception without a text"


def _failed(error: BaseException) -> Failed:
    return Failed("memory" if isinstance(error, MemoryError) else "error", describe(error))


def standard_streams() -> None:
    """For the zygote, once, so that its children find them: a locale must not decide how a program prints. With them
    come `exit` and `quit`, which Python leaves to the `site` that is not loaded here.
    """
    sys.argv = ["solution.py"]
    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, "end of file"))
    for name, file, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        stream = open(file, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _finish(output: TextIO) -> None:
    """Ends as an interpreter would. What fails here, such as closed streams, does not change what was printed."""
    steps = [threading._shutdown, atexit._run_exitfuncs, lambda: sys.stdout.flush(), output.flush]  # type: ignore[attr-defined]
    for step in steps:
        with suppress(BaseException):
            step()
