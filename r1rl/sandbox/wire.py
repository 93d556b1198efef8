"""What travels between processes that do not trust each other: frames of bytes, and values as JSON.

A value is rebuilt on arrival as exactly a builtin type, whatever its class was, so no method of its maker comes along:
no `__eq__` that always says yes. What JSON cannot write is an object with one key, the type:

>>> decode(encode((1, {2: b"x"})))
(1, {2: b'x'})
>>> encode((1, 2.5))
{'tuple': [1, 2.5]}

Objects that are no values (instances of classes, functions, generators) are the business of the `refer` and `resolve`
that a side hands in; without them they are refused.
"""

from __future__ import annotations

import os
import struct
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

LARGEST = 1 << 20  # bytes of a frame; also what a candidate may print
LARGEST_OF_CHECKER = 64 << 20  # bytes of a frame: who wrote the tests may call with large arguments
PLAIN_INT = 1 << 63  # larger integers travel as hex: Python reads at most 4,300 decimal digits, and slowly
BUILTIN = (bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, object, type(None))
TYPES: dict[str, type] = {type_.__name__: type_ for type_ in BUILTIN}
SEVERAL: tuple[Any, ...] = (tuple, set, frozenset, deque)
Refer = Callable[[Any], dict[str, Any]]
Resolve = Callable[[str, Any], Any]


class NotAValue(TypeError):
    """This object is nothing that can travel."""


def _refuse(value: Any) -> dict[str, Any]:
    raise NotAValue(f"{type(value).__name__} is not a value of builtin types")


def _unknown(tag: str, body: Any) -> Any:
    raise ValueError(f"no value is written as {tag!r}")


def encode(value: Any, refer: Refer = _refuse) -> Any:
    """A value as JSON. Subclasses of builtin types are written as what they hold."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        value = int.__index__(value)
        return value if -PLAIN_INT <= value < PLAIN_INT else {"int": hex(value)}
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        return str.__str__(value)
    return _encode_inside(value, refer)


def _encode_inside(value: Any, refer: Refer) -> Any:
    if isinstance(value, list):
        return [encode(item, refer) for item in list.__iter__(value)]
    for type_ in SEVERAL:
        if isinstance(value, type_):
            return {type_.__name__: [encode(item, refer) for item in type_.__iter__(value)]}
    if isinstance(value, dict):
        return {"dict": [[encode(key, refer), encode(item, refer)] for key, item in dict.items(value)]}
    return _encode_rare(value, refer)


def _encode_rare(value: Any, refer: Refer) -> Any:
    match value:
        case bytes():
            return {"bytes": bytes.hex(value)}
        case bytearray():
            return {"bytearray": bytearray.hex(value)}
        case complex():
            return {"complex": [value.real, value.imag]}
        case range():
            return {"range": [encode(value.start), encode(value.stop), encode(value.step)]}
        case Decimal():
            return {"Decimal": Decimal.__str__(value)}
        case Fraction():
            return {"Fraction": [encode(value.numerator), encode(value.denominator)]}
        case type() if TYPES.get(value.__name__) is value:
            return {"type": value.__name__}
    return refer(value)


def decode(data: Any, resolve: Resolve = _unknown) -> Any:
    """The value that `encode` wrote. Raises ValueError or TypeError for what it never writes."""
    if isinstance(data, list):
        return [decode(item, resolve) for item in data]
    if not isinstance(data, dict):
        return data
    [(tag, body)] = data.items()
    make = MAKE.get(tag)
    return resolve(tag, body) if make is None else make(body, lambda item: decode(item, resolve))


Make = Callable[[Any, Callable[[Any], Any]], Any]
MAKE: dict[str, Make] = {
    "int": lambda body, _: int(body, 16),
    "tuple": lambda body, inner: tuple(map(inner, body)),
    "set": lambda body, inner: set(map(inner, body)),
    "frozenset": lambda body, inner: frozenset(map(inner, body)),
    "deque": lambda body, inner: deque(map(inner, body)),
    "dict": lambda body, inner: {inner(key): inner(value) for key, value in body},
    "bytes": lambda body, _: bytes.fromhex(body),
    "bytearray": lambda body, _: bytearray.fromhex(body),
    "complex": lambda body, _: complex(*body),
    "range": lambda body, inner: range(*map(inner, body)),
    "Decimal": lambda body, _: Decimal(body),
    "Fraction": lambda body, inner: Fraction(*map(inner, body)),
    "type": lambda body, _: TYPES[body],
}


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def write_frame(file: int, body: bytes, largest: int = LARGEST) -> None:
    """Raises ValueError for a body that is too large: the other side would not take it."""
    if len(body) > largest:
        raise ValueError(f"a value of more than {largest:,} bytes")
    data = memoryview(frame(body))
    while data:
        data = data[os.write(file, data) :]


def read_frame(file: int) -> bytes:
    """The next frame. Raises EOFError at the end."""
    [size] = struct.unpack("<I", _read(file, 4))
    return _read(file, size)


def _read(file: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = os.read(file, min(size - len(data), LARGEST))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
