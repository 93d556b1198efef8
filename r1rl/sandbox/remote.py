"""The candidate as a checker sees it: an object whose calls go to another process and come back as values.

The result of a call is rebuilt from values, so that nothing of the candidate's making is ever executed here. Objects
that are no values stay over there and are known by number. What comes from there is hostile and may be anything.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Iterator
from typing import Any

from r1rl.sandbox import wire

RPC = b"="  # first byte of a frame for the other end; the checker's last frame, its report, is for the judge
NEVER_RAISED = ("StopIteration", "StopAsyncIteration")  # would end a loop of the checker's as if all had been seen


class CandidateError(Exception):
    """The candidate raised something that is no builtin exception, or sent what is no value."""


class Remote:
    """An object of the candidate's. Never equal to anything but itself, and compared here, not there."""

    __slots__ = ("_line", "_number")

    def __init__(self, line: Line, number: int) -> None:
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._line.call(self, args, kwargs, in_place=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copy, pickle and others look for hooks
            raise AttributeError(name)
        return self._line.request("get", object=self, name=name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._line.request("set", object=self, name=name, value=value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._line.request("iter", object=self).__next__, object())  # until that raises StopIteration

    def __next__(self) -> Any:
        return self._line.next(self)


class Line:
    """The connection to the candidate's end. `called` and `borrowed` say what of the candidate's has got here."""

    def __init__(self, inbox: int, outbox: int) -> None:
        self._inbox, self._outbox = inbox, outbox
        self._functions: list[Callable[..., Any]] = []
        self.called = self.borrowed = False

    def names(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that the candidate has. What goes wrong here is its fault until a whole reply says no."""
        self.borrowed = bool(names)
        found = self._exchange({"do": "names", "names": names})["value"] if names else {}
        values = {name: self._decode(value) for name, value in found.items() if name in names}
        self.borrowed = bool(found)
        return values

    def next(self, object: Remote) -> Any:
        reply = self._exchange({"do": "next", "object": self._encode(object)})
        if "end" in reply:  # only here: any other call could end the checker's own loop with it
            raise StopIteration
        return self._value(reply)

    def request(self, do: str, **operands: Any) -> Any:
        names = {"name": operands.pop("name")} if "name" in operands else {}
        return self._value(self._exchange({"do": do, **names, **{key: self._encode(v) for key, v in operands.items()}}))

    def call(self, function: Remote, args: tuple[Any, ...], kwargs: dict[str, Any], in_place: bool) -> Any:
        operands = {"function": function, "args": list(args), "kwargs": kwargs}
        message = {"do": "call", "in_place": in_place, **{key: self._encode(v) for key, v in operands.items()}}
        reply = self._exchange(message)
        value = self._value(reply)
        if in_place:
            for before, after in zip(args, self._decode(reply.get("args")), strict=True):
                _become(before, after)
        return value

    def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        self.called = self.called or message["do"] != "names"
        self._send(message)
        while True:
            try:
                reply = json.loads(wire.read_frame(self._inbox))
            except (ValueError, RecursionError) as error:
                raise CandidateError("the candidate sent what cannot be read") from error
            if not isinstance(reply, dict):
                raise CandidateError("the candidate sent no reply")
            if "ask" not in reply:
                return reply
            self._send({"answer": self._answer(reply)})

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Calls a function that was an argument."""
        try:
            return {"value": self._encode(self._functions[question["ask"]](*self._decode(question["args"])))}
        except Exception as error:  # noqa: BLE001 - goes back to the caller, as it would in one process
            return {"raise": type(error).__name__}

    def _value(self, reply: dict[str, Any]) -> Any:
        if "raise" in reply:
            raise _exception(*map(str, reply["raise"]))
        if "value" not in reply:
            raise CandidateError("the candidate sent no value")
        return self._decode(reply["value"])

    def _encode(self, value: Any) -> Any:
        return wire.encode(value, self._refer)

    def _decode(self, data: Any) -> Any:
        try:
            return wire.decode(data, self._resolve)
        except Exception as error:
            raise CandidateError("the candidate sent what is no value") from error

    def _refer(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Remote):
            return {"object": object.__getattribute__(value, "_number")}
        if not callable(value):
            raise wire.NotAValue(f"a {type(value).__name__} cannot be passed to a candidate")
        self._functions.append(value)
        return {"callback": len(self._functions) - 1}

    def _resolve(self, tag: str, number: Any) -> Any:
        if tag == "object" and type(number) is int:
            return Remote(self, number)
        raise ValueError(tag)

    def _send(self, message: dict[str, Any]) -> None:
        wire.write_frame(self._outbox, RPC + json.dumps(message).encode(), wire.LARGEST_OF_CHECKER)


def _become(before: Any, after: Any) -> None:
    """Gives a list, dictionary, set or bytearray the contents that it has on the other side."""
    if type(before) is not type(after):
        return
    if isinstance(before, list):
        if len(before) == len(after):
            after = [old if _become_inside(old, new) else new for old, new in zip(before, after, strict=True)]
        before[:] = after
    elif isinstance(before, bytearray):
        before[:] = after
    elif isinstance(before, (dict, set)):
        before.clear()
        before.update(after)


def _become_inside(before: Any, after: Any) -> bool:
    """For rows of a matrix, which the checker may hold on to one by one."""
    if isinstance(before, list) and isinstance(after, list):
        _become(before, after)
        return True
    return False


def _exception(name: str, text: str = "", *_: str) -> Exception:
    """A builtin exception of that name, so that a checker may expect it, and never one that is no error."""
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and name not in NEVER_RAISED:
        try:
            return kind(text)
        except TypeError:  # takes more than a text
            pass
    return CandidateError(f"{name}: {text}")
