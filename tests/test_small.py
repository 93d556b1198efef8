"""Small pure parts: the learning rate, derived seeds, the sharing out of prompts, and the stream of problems."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1rl import rollout, schedule, seeds, stream
from r1rl.cluster import Hardware
from r1rl.errors import UserError
from r1rl.rollout import balance
from r1rl.schedule import lr_at
from r1rl.seeds import derive
from r1rl.stream import Stream, open_source

relaxed = settings(max_examples=100)
SHAPES = ("constant", "linear", "cosine")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("warmup", "total"), [(0, 10), (3, 10), (9, 10), (1, 2)])
def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_tenth(shape, warmup, total):
    rates = [lr_at(i, peak=2.0, warmup=warmup, total=total, shape=shape) for i in range(total + 1)]
    rise, rest = rates[:warmup], rates[warmup:]
    assert rise == pytest.approx([2.0 * (i + 1) / warmup for i in range(warmup)])
    assert rest[0] == 2.0
    assert rest[-1] == pytest.approx(2.0 if shape == "constant" else 0.2)
    assert rest == sorted(rest, reverse=True)
    assert all(rate > 0 for rate in rates)


def test_shapes_at_their_middle():
    middle = {shape: lr_at(5, peak=1.0, warmup=0, total=10, shape=shape) for shape in SHAPES}
    assert middle == pytest.approx({"constant": 1.0, "linear": 0.55, "cosine": 0.55})
    quarter = lr_at(5, peak=1.0, warmup=0, total=20, shape="cosine")
    assert quarter == pytest.approx(0.1 + 0.9 * math.cos(math.pi / 8) ** 2)


def test_a_run_longer_than_planned_stays_at_a_tenth():
    assert lr_at(99, peak=1.0, warmup=0, total=10, shape="cosine") == pytest.approx(0.1)


def test_seeds_differ_by_place_and_fit_31_bits():
    places = [(seed, room, step) for seed in range(5) for room in ("rollout", "eval") for step in range(200)]
    found = [derive(*place) for place in places]
    assert len(set(found)) == len(found)
    assert all(0 <= seed < 2**31 for seed in found)
    assert max(found) > 2**30


def test_seeds_are_the_same_on_every_machine():
    assert derive(0, "rollout", 1) == 2074766584  # sha256sum of "0/rollout/1", first 4 bytes, halved


def test_a_place_is_read_part_by_part():
    assert derive(1, 23) != derive(12, 3)


@relaxed
@given(st.lists(st.integers(1, 100), max_size=30), st.integers(1, 6))
def test_every_prompt_has_one_worker_and_workers_have_alike(costs, workers):
    shares = balance(costs, workers)
    assert len(shares) == workers
    assert sorted(i for share in shares for i in share) == list(range(len(costs)))
    assert all(share == sorted(share) for share in shares)
    loads = [sum(costs[i] for i in share) for share in shares]
    assert max(loads) - min(loads) <= max(costs, default=0)


def test_equal_prompts_are_shared_equally():
    assert [len(share) for share in balance([7] * 32, 4)] == [8, 8, 8, 8]


@pytest.mark.parametrize(("name", "options"), [("addition", {"digits": 2}), ("countdown", {})])
def test_a_stream_that_resumes_equals_one_that_never_stopped(name, options):
    straight = Stream(open_source(name, 3, options), position=5)
    problems = straight.take(12)
    first = Stream(open_source(name, 3, options), position=5)
    early = first.take(4)
    second = Stream(open_source(name, 3, options), first.position)
    assert early + second.take(8) == problems
    assert second.position == straight.position == 17
    assert Stream(open_source(name, 4, options), position=5).take(12) != problems


def test_a_users_file_is_a_source(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from r1rl.types import Problem\n"
        "class Mine:\n"
        "    def __init__(self, seed, base): self.base = base\n"
        "    def problem(self, split, i): return Problem(id=f'{split}/{i}', question='?', gold=str(self.base + i))\n"
        "def source(seed, base=0): return Mine(seed, base)\n"
    )
    taken = Stream(open_source(str(file), 0, {"base": 10}), position=2).take(2)
    assert [(p.id, p.gold) for p in taken] == [("train/2", "12"), ("train/3", "13")]


@pytest.mark.parametrize("module", [schedule, seeds, rollout, stream])
def test_worked_examples(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("gpus", "peers", "hosts", "workers", "transport"),
    [
        (0, False, 1, 4, "shm"),
        (1, False, 1, 4, "ipc"),
        (2, True, 1, 1, "ipc"),
        (2, False, 1, 1, "shm"),
        (0, False, 2, 1, "gloo"),
        (16, False, 2, 15, "nccl"),
        (16, False, 2, 16, "gloo"),
    ],
)
def test_weights_take_the_fastest_way_there_is(gpus, peers, hosts, workers, transport):
    hw = Hardware(device="cuda" if gpus else "cpu", dtype="float32", gpus=gpus, threads=2, peers=peers, hosts=hosts)
    assert hw.transport(1, workers) == transport
    assert hw.transport(1, workers, transport) == transport
    assert hw.transport(1, workers, wanted="gloo") == "gloo"


@pytest.mark.parametrize(
    ("hosts", "wanted", "need"), [(1, "ipc", "each other"), (1, "nccl", "a GPU each"), (2, "shm", "one host")]
)
def test_a_way_that_weights_cannot_take_is_the_users_error(hosts, wanted, need):
    hw = Hardware(device="cpu", dtype="float32", gpus=0, threads=2, hosts=hosts)
    with pytest.raises(UserError, match=f"rollout.transport = {wanted} is not possible with 0 GPU(.|\n)*{need}"):
        hw.transport(1, 1, wanted)
