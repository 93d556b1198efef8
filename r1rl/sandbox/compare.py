"""Is that what was expected? Compares printed text and returned values, in the judge's process only.

Text is compared line by line, and all lines count. Values are compared as JSON would write them, type by type.
Decimal fractions are the one place with a tolerance, because two right programs add them up in different orders.
"""

from __future__ import annotations

import math
import re
from typing import Any

from r1rl.sandbox import wire

RELATIVE = 1e-9  # of an expected decimal fraction
LAST_PLACE_AT_MOST = 1e-6  # an expected text is rounded to its last digit; a coarser one was asked for as such
DECIMAL = re.compile(r"[+-]?[0-9]+\.[0-9]+([eE][+-]?[0-9]{1,3})?")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})?")
LONGEST_NUMBER = 400  # characters that anybody prints of one
BLANK = " \t\r"


def same_text(expected: str, printed: str) -> bool:
    """Blanks at the end of a line and blank lines at the end do not count; everything else does.

    >>> same_text("1 2\\n3\\n", "1 2 \\n3"), same_text("1\\n2", "1"), same_text("0.333333", "0.33333333")
    (True, False, True)
    """
    return _all_same(_lines(expected), _lines(printed), _same_line)


def same_value(expected: Any, value: Any) -> bool:
    """Equal as JSON: a tuple is a list and a key is a string, but True is not 1 and NaN is nothing.

    >>> same_value([1, 2], (1, 2)), same_value(1, True), same_value(0.3, 0.1 + 0.2), same_value(3, 3.0000000001)
    (True, False, True, False)
    """
    if isinstance(expected, (list, tuple)):
        return isinstance(value, (list, tuple)) and _all_same(expected, value, same_value)
    if isinstance(expected, dict):
        return isinstance(value, dict) and _same_dict(expected, value)
    if _is_number(expected):
        return _is_number(value) and _same_number(expected, value)
    if isinstance(expected, (set, frozenset)):
        return isinstance(value, (set, frozenset)) and {_typed(x) for x in expected} == {_typed(x) for x in value}
    return type(expected) is type(value) and expected == value


def same_data(expected: Any, data: Any) -> bool:
    """The same for a value that is still written as wire.encode writes it. Raises what wire.decode raises.

    A candidate can choose keys that all have one hash, and a dictionary of 30,000 of those takes a minute to make. So
    what holds a longer dictionary or set than the expected value is not decoded at all.
    """
    return _longest(data) <= _longest(wire.encode(expected)) and same_value(expected, wire.decode(data))


def expectable(value: Any) -> bool:
    """Can any value ever equal this one? NaN cannot, nor can objects that are no values."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(expectable, value))
    if isinstance(value, dict):
        return len(_keyed(value) or {}) == len(value) and all(map(expectable, value.values()))
    return value is None or (isinstance(value, (bool, int, float, str, bytes)) and value == value)


def _longest(data: Any) -> int:
    """The length of the longest dictionary or set in encoded data."""
    if isinstance(data, list):
        return max(map(_longest, data), default=0)
    if not isinstance(data, dict):
        return 0
    [(tag, body)] = data.items()
    own = len(body) if tag in ("dict", "set", "frozenset") else 0
    return max(own, _longest(body))


def _lines(text: str) -> list[str]:
    return text.rstrip(BLANK + "\n").split("\n")


def _same_line(expected: str, printed: str) -> bool:
    expected, printed = expected.rstrip(BLANK), printed.rstrip(BLANK)
    return expected == printed or _all_same(_tokens(expected), _tokens(printed), _same_token)


def _tokens(line: str) -> list[str]:
    return re.split("([ \t]+)", line)  # with what separates them, which counts too


def _same_token(expected: str, printed: str) -> bool:
    if expected == printed:
        return True
    if len(printed) > LONGEST_NUMBER or not DECIMAL.fullmatch(expected) or not NUMBER.fullmatch(printed):
        return False
    places = len(re.split("[eE]", expected)[0].partition(".")[2])
    rounding = min(0.5 * 10.0**-places, LAST_PLACE_AT_MOST) if "e" not in expected.lower() else 0.0
    return math.isclose(float(expected), float(printed), rel_tol=RELATIVE, abs_tol=rounding * 1.001)


def _all_same(expected: Any, value: Any, same: Any) -> bool:
    return len(expected) == len(value) and all(map(same, expected, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_number(expected: float, value: float) -> bool:
    if expected == value:
        return True
    return isinstance(expected, float) and isinstance(value, float) and math.isclose(expected, value, rel_tol=RELATIVE)


def _same_dict(expected: dict[Any, Any], value: dict[Any, Any]) -> bool:
    left, right = _keyed(expected), _keyed(value)
    if left is None or right is None or left.keys() != right.keys():
        return False
    return all(same_value(left[key], right[key]) for key in left)


def _keyed(value: dict[Any, Any]) -> dict[Any, Any] | None:
    """With keys as JSON has them, {1: …} as {"1": …}; None if two keys become one."""
    keyed = {_key(key): item for key, item in value.items()}
    return keyed if len(keyed) == len(value) else None


def _key(key: Any) -> Any:
    if type(key) is int and abs(key) < 1 << 63:  # Python refuses to write very long ones
        return str(key)
    return key if type(key) is str else _typed(key)


def _typed(value: Any) -> Any:
    return (type(value), tuple(map(_typed, value)) if isinstance(value, tuple) else value)
