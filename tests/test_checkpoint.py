"""Checkpoints are complete or absent, and the newest complete one is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1rl import checkpoint
from r1rl.checkpoint import Place


def place(step: int) -> Place:
    return Place(step=step, version=step + 1, position=32 * step)


def save(text: str = "weights"):
    return lambda folder: (folder / "model.safetensors").write_text(text)


def test_a_place_comes_back(tmp_path):
    folder = checkpoint.write(tmp_path, place(40), save())
    assert checkpoint.read(folder) == Place(step=40, version=41, position=1280)
    assert folder == checkpoint.folder(tmp_path, 40)
    assert (folder / "model.safetensors").read_text() == "weights"


def test_no_checkpoints_yet(tmp_path):
    assert checkpoint.latest(tmp_path) is None


def test_the_latest_has_the_highest_step(tmp_path):
    for step in (9, 100, 20):
        checkpoint.write(tmp_path, place(step), save())
    assert checkpoint.read(checkpoint.latest(tmp_path)).step == 100


def test_the_latest_has_the_highest_step_past_six_digits(tmp_path):
    for step in (999_999, 1_000_000):
        checkpoint.write(tmp_path, place(step), save())
    assert checkpoint.read(checkpoint.latest(tmp_path)).step == 1_000_000


def broken_save(folder: Path) -> None:
    save()(folder)
    raise OSError("disk full")


def test_a_save_that_fails_leaves_the_older_checkpoint_as_the_latest(tmp_path):
    good = checkpoint.write(tmp_path, place(10), save())
    with pytest.raises(OSError, match="disk full"):
        checkpoint.write(tmp_path, place(20), broken_save)
    assert not checkpoint.folder(tmp_path, 20).exists()
    assert checkpoint.latest(tmp_path) == good


def test_a_crash_before_the_rename_leaves_nothing_that_looks_complete(tmp_path, monkeypatch):
    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.write(tmp_path, place(20), save())
    assert checkpoint.latest(tmp_path) is None
    assert checkpoint.read(checkpoint.write(tmp_path, place(20), save())).step == 20


def test_a_failure_leaves_nothing_half_written(tmp_path):
    with pytest.raises(OSError, match="disk full"):
        checkpoint.write(tmp_path, place(20), broken_save)
    assert not list((tmp_path / "checkpoints").iterdir())


def test_what_a_crash_left_behind_does_not_get_into_the_next_checkpoint(tmp_path):
    left = checkpoint.folder(tmp_path, 20).with_suffix(".partial")
    left.mkdir(parents=True)
    (left / "model.safetensors").write_text("half")
    folder = checkpoint.write(tmp_path, place(20), lambda partial: (partial / "other").write_text("x"))
    assert sorted(p.name for p in folder.iterdir()) == ["other", "r1rl.json"]


def test_a_step_written_again_replaces_the_older_one(tmp_path):
    checkpoint.write(tmp_path, place(20), save("old"))
    folder = checkpoint.write(tmp_path, place(20), save("new"))
    assert (folder / "model.safetensors").read_text() == "new"


def test_a_folder_without_a_place_is_no_checkpoint(tmp_path):
    checkpoint.folder(tmp_path, 30).mkdir(parents=True)
    assert checkpoint.latest(tmp_path) is None


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [([0.9, 0.3, 0.5, 0.4], [1, 2]), ([0.1, 0.3, 0.3], [1]), ([0.1], []), ([0.1, None, 0.2], [2])],
)
def test_the_best_is_the_first_of_the_highest_after_the_base(accuracies, best):
    rows = [{"step": step} | ({} if a is None else {"eval/accuracy": a}) for step, a in enumerate(accuracies)]
    assert [step for step in range(len(rows)) if checkpoint.is_best(rows[: step + 1], step)] == best


def test_the_best_checkpoint_is_found_by_name(tmp_path):
    assert checkpoint.best(tmp_path) is None
    folder = checkpoint.write(tmp_path, place(20), save())
    checkpoint.name_best(tmp_path, 20)
    assert checkpoint.best(tmp_path) == folder
