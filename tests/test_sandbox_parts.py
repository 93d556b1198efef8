"""What the sandbox is made of, without running it: values on the wire, comparing, the system-call filter."""

import doctest
import importlib
import json
import signal
import struct
import time
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.sandbox import compare, seccomp, wire

MODULES = "checker child client compare driver landlock namespaces remote run seccomp server system tiers wire zygote"


@pytest.mark.parametrize("name", MODULES.split())
def test_examples(name):
    assert doctest.testmod(importlib.import_module(f"r1rl.sandbox.{name}")).failed == 0


# Values on the wire.

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.fractions(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.integers() | st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_a_value_survives_the_wire(value):
    arrived = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert arrived == value
    assert type(arrived) is type(value)
    assert compare.same_data(value, wire.encode(value)) or not compare.expectable(value)


class Liar(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        return True


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Liar("x"), "x"),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (namedtuple("P", "x y")(1, 2), (1, 2)),
        (signal.SIGKILL, 9),
        (10**5000, 10**5000),
        (deque([1]), deque([1])),
        (Decimal("0.10"), Decimal("0.10")),
        ({frozenset({1}), 2}, {frozenset({1}), 2}),
        (int, int),
        (Fraction(1, 3), Fraction(1, 3)),
        (range(1, 9, 2), range(1, 9, 2)),
        ((1j, b"\0", bytearray(b"a")), (1j, b"\0", bytearray(b"a"))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_arrives_as_a_builtin_type(value, arrives):
    arrived = wire.decode(json.loads(json.dumps(wire.encode(value))))
    assert type(arrived) is type(arrives)
    assert repr(arrived) == repr(arrives) if not isinstance(arrives, int) else int(arrived) == arrives


@pytest.mark.parametrize("value", [object(), print, Liar, (x for x in ()), {1: [object()]}, json])
def test_what_is_no_value_does_not_travel(value):
    with pytest.raises(wire.NotAValue):
        wire.encode(value)


# Comparing.


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("1\n2\n", "1\n2", True),
        ("1 2", "1 2  \n\n\n", True),
        ("1\r\n2", "1\n2", True),
        ("", "", True),
        ("", "\n", True),
        ("1\n2", "1", False),
        ("1", "1\n2", False),
        ("\n1", "1", False),
        ("1 2", "1  2", False),
        ("ab", " ab", False),
        ("YES", "yes", False),
        ("1", "1.0", False),
        ("1", "01", False),
        ("0.5", "0.50", True),
        ("2.0", "2", True),
        ("0.33333333", "0.3333333333", True),
        ("3.14", "3.1415926", False),
        ("1234567.89", "1234567.90", False),
        ("0.0000001", "0", False),
        ("0.1 x", "0.10 x", True),
        ("0.1 x", "0.10 y", False),
        ("1.5", "nan", False),
        ("1.5", "1_.5", False),
        ("0.5", "0." + "5" * 1_000_000, False),
        ("1", "1\0", False),
        ("1", "1\x0b", False),
        ("a\u2028b", "a\nb", False),
    ],
    ids=lambda value: str(value)[:20],
)
def test_printed_text(expected, printed, same):
    assert compare.same_text(expected, printed) is same


@pytest.mark.parametrize(
    ("expected", "value", "same"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        (0, None, False),
        ("1", 1, False),
        ([1, 2], (1, 2), True),
        ([1, 2], [1], False),
        ([1], [1, 2], False),
        ([[True]], [[1]], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"1": 2}, {1: 2}, True),
        ({"1": 2}, {True: 2}, False),
        ({"1": 2}, {1: 2, "1": 2}, False),
        ([1, 2], {1, 2}, False),
        ({1, 2}, {2, 1}, True),
        ({1}, {True}, False),
        (0.3, 0.1 + 0.2, True),
        (0.3, 0.3001, False),
        (3, 3.0000000001, False),
        (float("inf"), float("inf"), True),
        (1.0, float("nan"), False),
        (10**400, 10**400, True),
        (1.5, 10**400, False),
        ("a", b"a", False),
        ([], {}, False),
        (None, None, True),
    ],
    ids=lambda value: f"{value!r:.20}" if not isinstance(value, int) else "number",
)
def test_returned_values(expected, value, same):
    assert compare.same_value(expected, value) is same
    assert compare.same_data(expected, wire.encode(value)) is same


def test_keys_that_all_have_one_hash_take_no_time():
    clash = {"dict": [[{"int": hex(k * (2**61 - 1))}, 0] for k in range(25_000)]}
    start = time.perf_counter()
    assert not compare.same_data({"a": 1}, clash)
    assert not compare.same_data([{"a": 1}], [[[clash]]])
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_for_one_process_and_knows_both_machines(machine):
    code = seccomp.program(4711, machine)
    words = [struct.unpack_from("HBBI", code, at) for at in range(0, len(code), 8)]
    assert 4711 in [value for *_, value in words]
    assert seccomp.SOME_PID not in [value for *_, value in words]
    assert words[-1] == (seccomp.RETURN, 0, 0, seccomp.ERRNO | seccomp.EPERM)
    for at, (_, yes, no, _) in enumerate(words):
        assert at + max(yes, no) < len(words)
