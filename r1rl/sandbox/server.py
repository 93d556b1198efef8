"""The candidate's end of an assert-style test: does what the checker asks, one request at a time.

Requests name functions and objects by number; replies carry values. A function that the checker passes as an argument
arrives as one that asks back. See remote.py for the other end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NoReturn

from r1rl.sandbox import wire


class Server:
    def __init__(self, names: dict[str, Any], entry_point: Callable[..., Any], inbox: int, outbox: int) -> None:
        self._names, self._inbox, self._outbox = names, inbox, outbox
        self._objects: list[Any] = [entry_point]

    def serve(self) -> NoReturn:
        try:
            self._converse()
        finally:
            os._exit(0)

    def _converse(self) -> Any:
        """Serves requests until an answer comes to what this side has asked."""
        while True:
            message = json.loads(wire.read_frame(self._inbox))
            if "answer" in message:
                return message["answer"]
            self._send(self._reply(message))

    def _reply(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            reply = getattr(self, f"_do_{message.pop('do')}")(**message)
            if len(json.dumps(reply)) > wire.LARGEST:
                raise ValueError(f"a value of more than {wire.LARGEST:,} bytes")
            return reply
        except StopIteration:
            return {"end": True}
        except BaseException as error:  # noqa: BLE001 - whatever the candidate raises is its answer
            return {"raise": _name_and_text(error)}

    def _do_names(self, names: list[str]) -> dict[str, Any]:
        """Those of the names that the program has at its top level."""
        return {"value": {name: self._encode(self._names[name]) for name in names if name in self._names}}

    def _do_call(self, function: Any, args: Any, kwargs: Any, in_place: bool) -> dict[str, Any]:
        args = self._decode(args)
        try:
            reply = {"value": self._encode(self._decode(function)(*args, **self._decode(kwargs)))}
        except (
            StopIteration
        ) as error:  # only `next` may end an iteration: another call would end the checker's own loop
            raise RuntimeError("StopIteration") from error
        return {**reply, "args": self._encode(args)} if in_place else reply

    def _do_get(self, object: Any, name: str) -> dict[str, Any]:
        return {"value": self._encode(getattr(self._decode(object), name))}

    def _do_set(self, object: Any, name: str, value: Any) -> dict[str, Any]:
        setattr(self._decode(object), name, self._decode(value))
        return {"value": None}

    def _do_iter(self, object: Any) -> dict[str, Any]:
        return {"value": self._refer(iter(self._decode(object)))}

    def _do_next(self, object: Any) -> dict[str, Any]:
        return {"value": self._encode(next(self._decode(object)))}

    def _encode(self, value: Any) -> Any:
        return wire.encode(value, self._refer)

    def _decode(self, data: Any) -> Any:
        return wire.decode(data, self._resolve)

    def _refer(self, value: Any) -> dict[str, Any]:
        self._objects.append(value)
        return {"object": len(self._objects) - 1}

    def _resolve(self, tag: str, number: int) -> Any:
        return self._objects[number] if tag == "object" else self._asking(number)

    def _asking(self, number: int) -> Callable[..., Any]:
        def ask(*args: Any) -> Any:
            self._send({"ask": number, "args": self._encode(list(args))})
            answer = self._converse()
            if "raise" in answer:
                raise RuntimeError(answer["raise"])
            return self._decode(answer["value"])

        return ask

    def _send(self, message: dict[str, Any]) -> None:
        wire.write_frame(self._outbox, json.dumps(message).encode())


def _name_and_text(error: BaseException) -> list[str]:
    try:
        return [type(error).__name__, str(error)[:1000]]
    except BaseException:  # noqa: BLE001 - the text of a candidate's exception is its code
        return ["Exception", ""]
