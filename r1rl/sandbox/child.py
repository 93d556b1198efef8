"""One run as the judge sees it: what it may use, what it has sent so far and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may use. CPU time is counted in whole seconds while it runs, and exactly once it has ended."""

    seconds: float
    memory: int  # bytes of address space, on top of what the interpreter itself takes

    def __post_init__(self) -> None:
        if not (0 < self.seconds < 1e6 and 1 << 20 <= self.memory < 1 << 50):
            raise ValueError(f"{self} is no limit: seconds must be positive, memory 1 MiB or more")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the kernel says a child ended."""

    status: int  # as from os.wait
    cpu_s: float


class Child:
    """One run in progress: what it has sent so far and what it has still to be sent."""

    def __init__(self, run: int, limits: Limits, largest: int) -> None:
        self.run, self.limits, self.largest = run, limits, largest
        self.ended: Ended | None = None
        self.flooded = False
        self.result, self.stdout, self.job, self.stdin = bytearray(), bytearray(), bytearray(), bytearray()
        self.files: dict[int, bytearray] = {}  # open pipes, by descriptor

    @property
    def finished(self) -> bool:
        """It has ended and all that it has sent is here; or it has sent too much."""
        return self.flooded or (self.ended is not None and not self.files)

    def frame(self) -> bytes | None:
        """Takes the next whole frame that has come, if any."""
        if len(self.result) < 4:
            return None
        end = 4 + int.from_bytes(self.result[:4], "little")
        if len(self.result) < end:
            return None
        body = bytes(self.result[4:end])
        del self.result[:end]
        return body
