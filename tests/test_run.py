"""A run folder is never overwritten, held by one process, and resumed only with the recipe it was started with."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from r1rl import run as runs
from r1rl.errors import UserError
from r1rl.recipe import Recipe, load_recipe
from r1rl.run import Run


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("r1_zero_tiny")


def close(run: Run) -> None:
    run._lock_file.close()  # as the end of the process would


def test_a_new_run_holds_its_recipe_and_its_environment(tmp_path, recipe):
    close(Run.create(tmp_path / "run", recipe))
    assert load_recipe(tmp_path / "run/recipe.yaml") == recipe
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["packages"]["torch"]
    assert environment["cores"] == len(os.sched_getaffinity(0))


def test_an_existing_run_is_never_overwritten(tmp_path, recipe):
    close(Run.create(tmp_path, recipe))
    with pytest.raises(UserError, match=r"already holds a run(.|\n)*--resume"):
        Run.create(tmp_path, recipe)


def test_resuming_nothing_is_refused(tmp_path, recipe):
    with pytest.raises(UserError, match="no run to resume"):
        Run.resume(tmp_path, recipe)


def test_resuming_another_recipe_names_the_keys(tmp_path, recipe):
    close(Run.create(tmp_path, recipe))
    other = load_recipe("r1_zero_tiny", ["learner.lr=1.23e-4", "seed=17"])
    with pytest.raises(UserError, match=r"differs.*: seed, learner\.lr"):
        Run.resume(tmp_path, other)
    assert load_recipe(tmp_path / "recipe.yaml") == recipe


def test_a_resumed_run_may_be_longer(tmp_path, recipe):
    close(Run.create(tmp_path, recipe))
    longer = load_recipe("r1_zero_tiny", ["train.steps=12345"])
    close(Run.resume(tmp_path, longer))
    assert load_recipe(tmp_path / "recipe.yaml") == longer


def test_a_folder_has_one_writer(tmp_path, recipe):
    first = Run.create(tmp_path, recipe)
    with pytest.raises(UserError, match="another process is writing"):
        Run.resume(tmp_path, recipe)
    close(first)
    close(Run.resume(tmp_path, recipe))


def test_a_full_disk_is_said_before_anything_is_written(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(UserError, match="only 3 MiB"):
        Run.create(tmp_path / "not/yet/there", recipe)
    assert not (tmp_path / "not").exists()


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    def crash(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    file = tmp_path / "recipe.yaml"
    runs.write_atomically(file, "old")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            runs.write_atomically(file, "new")
    assert file.read_text() == "old"
    runs.write_atomically(file, "new")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("recipe.yaml", "new")]


def test_the_newest_run_of_the_recipe_and_its_seed_is_found(tmp_path, recipe, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no run of r1_zero_tiny with seed 0"):
        runs.newest_folder(recipe)
    for name in ("seed0-20250101-000000", "seed0-20250102-000000", "seed1-20260101-000000", "seed0-20270101-000000"):
        (tmp_path / "runs" / f"r1_zero_tiny-{name}").mkdir(parents=True)
        if "2027" not in name:  # that one never started
            (tmp_path / "runs" / f"r1_zero_tiny-{name}" / "recipe.yaml").touch()
    assert runs.newest_folder(recipe).name == "r1_zero_tiny-seed0-20250102-000000"
