"""The weight wire: a digest that sees every change, a buffer that gives back what was put in, a strict receipt."""

from __future__ import annotations

import os
import pickle
import uuid
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.distributed import DistError

from r1rl import digest as digest_module
from r1rl.digest import digests
from r1rl.errors import SyncError
from r1rl.inbox import Inbox, shared
from r1rl.sync import ALIGN, Outbox, Parcel, Receipt, Slot, verify, views
from tests.parcels import digests_of, opened

CPU = torch.device("cpu")
BYTES = st.binary(min_size=1, max_size=67)  # odd counts and counts that fill no whole word included
relaxed = settings(max_examples=100)


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "fp32": torch.randn(3, 5),
        "bf16 of an odd count": torch.randn(7).bfloat16(),
        "int64": torch.tensor([[-(2**62), 2**62, 0]]),
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(1.5),
        "transposed": torch.randn(4, 3).T,
        "bias": torch.tensor([0.001, -0.0, float("inf"), float("nan")]),
    }


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    box = Outbox("shm", CPU, f"test-{uuid.uuid4().hex[:8]}")
    yield box
    box.close()


def as_tensor(raw: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8)


def digest(name: str, tensor: torch.Tensor) -> int:
    return digests_of([(name, tensor)])[name]


def slow_digest(name: str, tensor: torch.Tensor) -> int:
    """The same checksum, word by word in Python's integers."""
    raw = bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())
    raw += b"\0" * (-len(raw) % 4)
    words = [int.from_bytes(raw[i : i + 4], "little", signed=True) for i in range(0, len(raw), 4)]
    weighted = sum(word * (place * 2654435761 | 1) for place, word in enumerate(words, 1))
    label = zlib.crc32(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
    return (sum(words) * 31 + weighted * 1000003 + label) % 2**64


def together(openers):
    """Opens a parcel in all inboxes at once: a broadcast ends when everybody has it."""
    openers = list(openers)

    def opened(parcel):
        with ThreadPoolExecutor(len(openers)) as pool:
            return [dict(views(buffer, parcel.slots)) for buffer in pool.map(lambda opener: opener(parcel), openers)]

    return opened


def packed(outbox, version, named):
    return outbox.pack(version, named, named)


@relaxed
@given(BYTES)
def test_the_digest_agrees_with_the_slow_one(raw):
    assert digest("w", as_tensor(raw)) == slow_digest("w", as_tensor(raw))


def test_the_digest_agrees_with_the_slow_one_where_sums_wrap_around():
    extremes = torch.full((3001,), -(2**31), dtype=torch.int32)
    assert digest("w", extremes) == slow_digest("w", extremes)


@pytest.mark.parametrize("name", tensors())
def test_the_digest_takes_every_dtype_and_shape(name):
    assert digest(name, tensors()[name]) == slow_digest(name, tensors()[name])


def test_many_digests_are_those_of_each_and_none_of_nothing():
    assert digests_of(tensors().items()) == {name: slow_digest(name, tensor) for name, tensor in tensors().items()}
    assert digests_of([]) == {}


@pytest.mark.parametrize("together", [1, 3, 7])
def test_digests_are_the_same_however_many_words_are_summed_at_once(together, monkeypatch):
    expected = digests_of(tensors().items())
    monkeypatch.setattr(digest_module, "TOGETHER", together)
    assert digests_of(tensors().items()) == expected


@relaxed
@given(BYTES, st.data())
def test_any_changed_byte_changes_the_digest(raw, data):
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = bytearray(raw)
    changed[place] ^= data.draw(st.integers(1, 255))
    assert digest("w", as_tensor(raw)) != digest("w", as_tensor(bytes(changed)))


@relaxed
@given(BYTES, st.data())
def test_two_swapped_elements_change_the_digest(raw, data):
    places = st.integers(0, len(raw) - 1)
    i, j = data.draw(places), data.draw(places)
    assume(raw[i] != raw[j])
    for dtype in (torch.uint8, torch.bfloat16, torch.float32, torch.int64):
        tensor = as_tensor(raw).to(dtype)
        swapped = tensor.clone()
        swapped[[i, j]] = tensor[[j, i]]
        assert digest("w", tensor) != digest("w", swapped)


def test_what_lies_between_tensors_has_no_part_in_their_digests(outbox):
    """Nor has what was there before: a tensor may end within a word."""
    for version, fill in enumerate((255, 0)):
        packed(outbox, version, [("all", torch.full((4096,), fill, dtype=torch.uint8))])
        parcel = packed(outbox, version, tensors().items())
        assert {slot.name: slot.digest for slot in parcel.slots} == digests_of(tensors().items())
    without = [slot for slot in parcel.slots if slot.name != "int64"]
    assert digests(shared(parcel, CPU), without) == {slot.name: slot.digest for slot in without}


def test_the_digest_is_bound_to_name_dtype_and_shape():
    tensor = torch.zeros(4, 6)
    others = [
        digest("v", tensor),
        digest("w", tensor.view(torch.int32)),
        digest("w", tensor.reshape(6, 4)),
        digest("w", tensor.reshape(24)),
        digest("w", torch.zeros(4, 7)),  # trailing zeros are values too
    ]
    assert digest("w", tensor) not in others
    assert len(set(others)) == len(others)


def test_the_digest_sees_values_not_memory_layout():
    tensor = torch.randn(4, 6)
    assert digest("w", tensor.T) == digest("w", tensor.T.contiguous()) != digest("w", tensor)


def test_what_is_packed_is_what_is_unpacked(outbox):
    sent = tensors()
    parcel = packed(outbox, 3, sent.items())
    got = opened(parcel)
    assert list(got) == list(sent)
    for name, tensor in sent.items():
        assert (got[name].dtype, got[name].shape) == (tensor.dtype, tensor.shape)
        assert torch.equal(bits(got[name]), bits(tensor)), name
    assert parcel.version == 3
    assert all(slot.offset % ALIGN == 0 for slot in parcel.slots)
    verify(parcel, receipt(parcel, {name: digest(name, tensor) for name, tensor in got.items()}), worker=0)


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def test_nothing_to_send_is_a_parcel_too(outbox):
    assert opened(packed(outbox, 1, [])) == {}


def test_slots_do_not_overlap(outbox):
    slots = packed(outbox, 1, tensors().items()).slots
    ends = [slot.offset + slot.nbytes for slot in slots]
    assert all(end <= slot.offset for end, slot in zip(ends, slots[1:], strict=False))


def test_a_parcel_survives_pickling(outbox):
    parcel = packed(outbox, 1, tensors().items())
    again = pickle.loads(pickle.dumps(parcel))
    assert again == parcel
    assert torch.equal(opened(again)["fp32"], tensors()["fp32"])


def test_the_buffer_is_reused_and_the_next_version_stands_in_it(outbox):
    first = packed(outbox, 1, [("w", torch.ones(100))])
    view = dict(views(shared(first, CPU), first.slots))["w"]
    kept = view.clone()
    second = packed(outbox, 2, [("w", torch.full((100,), 2.0))])
    assert second.handle == first.handle
    assert kept.eq(1).all()
    assert view.eq(2).all()  # why a receiver has to copy
    assert first.slots[0].digest != second.slots[0].digest


def test_the_buffer_grows_and_shrinks(outbox):
    for count in (10, 5000, 10):
        got = opened(packed(outbox, 1, [("w", torch.arange(count))]))
        assert torch.equal(got["w"], torch.arange(count))


def test_close_removes_the_file_and_may_be_called_twice(outbox):
    file = Path(packed(outbox, 1, [("w", torch.ones(3))]).handle)
    assert file.exists()
    outbox.close()
    outbox.close()
    assert not file.exists()


def test_a_sender_that_never_packed_closes():
    Outbox("shm", CPU, "test-never-packed").close()


def test_no_room_in_shared_memory_says_so(outbox, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=1, f_frsize=4096))
    with pytest.raises(SyncError, match=r"no room for 4 MiB(.|\n)*shm-size"):
        packed(outbox, 1, [("w", torch.zeros(2**20))])
    assert not outbox._path.exists()


PARCEL = Parcel(
    version=4,
    transport="shm",
    handle="/dev/shm/none",
    slots=tuple(Slot(name=n, dtype="float32", shape=(1,), offset=0, digest=d) for n, d in (("a.weight", 1), ("b", 2))),
)


def receipt(parcel: Parcel, digests: dict[str, int]) -> Receipt:
    return Receipt(version=parcel.version, digests=digests, untouched=())


GOOD = receipt(PARCEL, {"a.weight": 1, "b": 2})


def test_a_right_receipt_passes():
    verify(PARCEL, GOOD, worker=0)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (replace(GOOD, digests={"a.weight": 9, "b": 2}), "a.weight"),
        (replace(GOOD, digests={"b": 2}), "a.weight"),
        (replace(GOOD, digests={"a.weight": 1, "b": 2, "c.extra": 3}), "c.extra"),
        (replace(GOOD, untouched=("d.untouched",)), "d.untouched"),
        (replace(GOOD, version=3), "took version 3, sent was 4"),
        (replace(GOOD, digests={}), "2 tensor"),
        (replace(GOOD, digests={"a.weight": 2, "b": 1}), "a.weight, b"),
    ],
    ids=["changed", "missing", "extra", "untouched", "version", "nothing", "swapped"],
)
def test_a_wrong_receipt_is_refused_by_name(wrong, named):
    with pytest.raises(SyncError, match=named) as caught:
        verify(PARCEL, wrong, worker=7)
    assert "worker 7" in caught.value.what


def test_files_of_dead_senders_are_swept_and_those_of_living_ones_stay(outbox):
    left = Path(f"/dev/shm/r1rl-test-{uuid.uuid4().hex[:8]}-1")
    parcel = packed(outbox, 1, tensors().items())
    fresh = left.with_name(left.name + "2")
    for path in (left, fresh):
        path.write_bytes(b"x")
    for path in (left, Path(parcel.handle)):
        os.utime(path, (0, 0))
    Outbox("shm", CPU, "test-sweeping").close()
    assert not left.exists()
    assert fresh.exists()
    assert Path(parcel.handle).exists()
    fresh.unlink()


@pytest.fixture
def group() -> Iterator[tuple[Outbox, list[Inbox]]]:
    """A sender and two receivers that have met."""
    box, inboxes = Outbox("gloo", CPU, f"test-{uuid.uuid4().hex[:8]}"), [Inbox(CPU), Inbox(CPU)]
    meeting = box.invite(2, patience_s=60)
    joining = [Thread(target=box.join), *(Thread(target=b.join, args=(meeting, i)) for i, b in enumerate(inboxes, 1))]
    for thread in joining:
        thread.start()
    for thread in joining:
        thread.join(60)
    yield box, inboxes
    box.close()


def test_weights_are_broadcast_to_all_who_joined(group):
    box, inboxes = group
    for version in (1, 2):
        named = {name: t if version == 1 else t.flip(0) if t.ndim else t + 1 for name, t in tensors().items()}
        parcel = pickle.loads(pickle.dumps(packed(box, version, named.items())))
        for got in together(inbox.open for inbox in inboxes)(parcel):
            assert digests_of(got.items()) == {s.name: s.digest for s in parcel.slots} == digests_of(named.items())


def test_a_broadcast_can_be_opened_twice(group):
    box, inboxes = group
    parcel = packed(box, 1, tensors().items())
    assert [len(got) for got in together(inbox.open for inbox in inboxes)(parcel)] == [len(tensors())] * 2
    assert digests(inboxes[0].open(parcel), parcel.slots) == {slot.name: slot.digest for slot in parcel.slots}


def test_a_version_is_not_overwritten_while_it_is_sent(group):
    box, inboxes = group
    first = packed(box, 1, [("w", torch.ones(2**24))])
    overwriting = ThreadPoolExecutor(1).submit(packed, box, 2, [("w", torch.zeros(2**24))])
    with pytest.raises(TimeoutError):
        overwriting.result(0.5)
    assert all(got["w"].min() == 1 for got in together(inbox.open for inbox in inboxes)(first))
    assert all(got["w"].max() == 0 for got in together(inbox.open for inbox in inboxes)(overwriting.result(60)))


def test_nothing_is_broadcast_before_anybody_joined():
    box = Outbox("gloo", CPU, "test-alone")
    with pytest.raises(SyncError, match="no sampler has joined"):
        packed(box, 1, tensors().items())
    box.close()


def test_a_receiver_that_never_comes_is_waited_for_no_longer_than_told():
    box = Outbox("gloo", CPU, "test-waiting")
    box.invite(1, patience_s=0.2)
    with pytest.raises((RuntimeError, DistError), match=r"(?i)time(d )?out"):
        box.join()
    box.close()
