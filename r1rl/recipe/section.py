"""What the sections of a recipe are made of: one base class and the bounded numbers."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

# The upper bound catches slips of the keyboard and keeps every count inside 32 bits.
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
# The answers of one step stay below 2**32, where their divisors are still found at once.
SmallCount = Annotated[int, Field(ge=1, le=2**16)]
CountOrZero = Annotated[int, Field(ge=0, le=2**31 - 1)]
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


def _scalar(value: object) -> object:
    # A plain union would report one error per member; a reader needs one.
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError("must be a text, a finite number, true or false")


Scalar = Annotated[bool | int | float | str, PlainValidator(_scalar)]


class Section(BaseModel):
    """One block of keys. Strict (`true` is no number, `"8"` no integer), and frozen: what was checked stays checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
