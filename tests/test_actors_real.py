"""Waiting for several actors: whoever is ready first comes first, and whoever died or is late is named."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from r1rl import actors
from r1rl.errors import EngineError

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Spec:
    log: Path


class Sleeper:
    def __init__(self, spec):
        pass

    def ready(self):
        return True

    def sleep(self, seconds):
        time.sleep(seconds)
        return seconds

    def die(self):
        import os

        os._exit(1)


@pytest.fixture(scope="module")
def sleepers(ray_session, tmp_path_factory):
    log = tmp_path_factory.mktemp("sleepers") / "log"
    found = [actors.spawn(Sleeper, Spec(log=log), name=f"sleeper {i}", gpus=0, env={"SLEEPER": "1"}) for i in range(3)]
    actors.wait(found, [sleeper.call("ready") for sleeper in found], 120, "starting")
    return found


def test_no_process_is_started_that_nobody_asked_for(sleepers):
    started = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
    assert sum("Sleeper" in line for line in started) == 3
    assert [line for line in started if "IDLE" in line] == []


def test_results_come_as_they_are_ready(sleepers):
    calls = [sleeper.call("sleep", seconds) for sleeper, seconds in zip(sleepers, (3.0, 0.0, 1.5), strict=True)]
    assert list(actors.each(sleepers, calls, 120, "sleeping")) == [(1, 0.0), (2, 1.5), (0, 3.0)]


def test_one_that_is_late_is_named_with_the_deadline_of_all(sleepers):
    calls = [sleeper.call("sleep", seconds) for sleeper, seconds in zip(sleepers, (0.0, 60.0, 0.0), strict=True)]
    with pytest.raises(EngineError, match="sleeper 1 did not finish sleeping within 2 s"):
        list(actors.each(sleepers, calls, 2, "sleeping"))


def test_one_that_dies_is_named_before_others_are_done(sleepers):
    late, dying = sleepers[0].call("sleep", 120.0), sleepers[2].call("die")
    with pytest.raises(EngineError, match="sleeper 2 died while sleeping"):
        next(actors.each([sleepers[0], sleepers[2]], [late, dying], 60, "sleeping"))
    for sleeper in sleepers:
        actors.kill(sleeper)
