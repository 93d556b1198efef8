"""Numbers of many tokens on their way between processes: as arrays, never as one Python object for each.

A step of 131,072 tokens has an id, a log-prob and an advantage of each. As tuples they are made, pickled and read one
by one wherever they are handed over, and meanwhile the GPU waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any, TypeVar, overload

import numpy

COLUMNS = {"token_ids_T": numpy.int64, "logprobs_T": numpy.float64, "advantages_T": numpy.float64}  # exact in both
Number = TypeVar("Number", int, float)
Item = TypeVar("Item")


class Packed(Sequence[Number]):
    """Numbers in an array, for whom they are a sequence: equal to the tuple of the same numbers.

    >>> p = Packed(numpy.array([5, 9, 2]))
    >>> p, p[0], p[1:], p == (5, 9, 2), len(p)
    ((5, 9, 2), 5, (9, 2), True, 3)
    """

    __slots__ = ("array",)

    def __init__(self, array: numpy.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, place: int) -> Number: ...

    @overload
    def __getitem__(self, place: slice) -> Packed[Number]: ...

    def __getitem__(self, place: int | slice) -> Number | Packed[Number]:
        return Packed(self.array[place]) if isinstance(place, slice) else self.array[place].item()

    def __iter__(self) -> Iterator[Number]:
        return iter(self.array.tolist())  # Python's own numbers, all at once: numpy's are ten times as slow

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, tuple | Packed) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        # As bytes: Ray would carry a small array by itself, which costs more than the numbers in it.
        return _packed, (self.array.tobytes(), self.array.dtype.str)


class Freight(list[Item]):
    """Completions or Samples about to be pickled: the columns of all of them as one array each.

    They arrive as a plain list of the same items, whose columns are Packed.
    """

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if not self:
            return list, ()
        kind: Any = type(self[0])
        columns = {f.name: _column(f.name, [getattr(item, f.name) for item in self]) for f in fields(kind)}
        return _unloaded, (kind, columns)


def joined(rows: Iterable[Sequence[float]], dtype: Any) -> numpy.ndarray:
    """All numbers of these rows, one row after the other.

    >>> joined([(5, 9), (), Packed(numpy.array([2]))], numpy.int64).tolist()
    [5, 9, 2]
    """
    arrays = [row.array if isinstance(row, Packed) else numpy.asarray(row, dtype) for row in rows]
    return numpy.concatenate([numpy.zeros(0, dtype), *arrays], dtype=dtype)


def _column(name: str, rows: list[Any]) -> tuple[bytes, list[int]] | list[Any]:
    if name not in COLUMNS:
        return rows  # prompts are few: the answers to one share it, and pickle writes it once
    return joined(rows, COLUMNS[name]).tobytes(), [len(row) for row in rows]


def _unloaded(kind: Callable[..., Item], columns: dict[str, Any]) -> list[Item]:
    rows = [_rows(name, column) for name, column in columns.items()]
    return [kind(**dict(zip(columns, values, strict=True))) for values in zip(*rows, strict=True)]


def _rows(name: str, column: Any) -> Sequence[Any]:
    if name not in COLUMNS:
        return column
    data, lengths = column
    numbers = numpy.frombuffer(data, COLUMNS[name])
    ends = numpy.cumsum([0, *lengths]).tolist()
    return [Packed(numbers[start:end]) for start, end in pairwise(ends)]


def _packed(data: bytes, dtype: str) -> Packed[Any]:
    return Packed(numpy.frombuffer(data, dtype))
