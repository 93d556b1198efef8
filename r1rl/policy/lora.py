"""LoRA (arXiv 2106.09685) through peft: low-rank adapters are trained, the weights under them stay as they are.

Adapters live inside the model (`inject_adapter_in_model`), which keeps its class. Nothing is ever merged in place: to
merge and unmerge would move the weights by a rounding error each time, and a resumed run would not be the same run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file

from r1rl.errors import UserError

if TYPE_CHECKING:
    from peft import LoraConfig

NAME = "default"
FOLDER = "adapter"  # beside the merged weights of a checkpoint
BASE = ".base_layer."
SEED = 0
EXPERTS = {"gate_proj", "up_proj", "down_proj", "gate"}


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Which adapters are trained.

    >>> Lora(rank=16, alpha=32.0, targets=("q_proj", "v_proj")).rank
    16
    """

    rank: int
    alpha: float  # an adapter's product is scaled by alpha / rank
    targets: tuple[str, ...]  # names of linear layers; empty: all but the head and MLPs of experts


def inject(model: torch.nn.Module, lora: Lora) -> LoraConfig:
    """Puts adapters into the model and freezes everything else. Raises UserError when no layer has such a name."""
    from peft import LoraConfig, inject_adapter_in_model

    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number will do
        target_modules=_targets(model, lora),
        task_type="CAUSAL_LM",
        lora_dropout=0.0,  # the sampler has none
    )
    model.requires_grad_(False)
    try:
        with torch.random.fork_rng(devices=[]):  # the same adapters at every start and on every rank
            torch.manual_seed(SEED)
            inject_adapter_in_model(config, model, NAME)
    except ValueError as error:
        raise UserError(
            f"learner.lora.targets = {', '.join(lora.targets)} fit no layer of this policy",
            str(error).splitlines()[0][:300],
            "name linear layers as the model does (q_proj, o_proj, …), or leave targets out for all of them",
        ) from error
    return config


def _targets(model: torch.nn.Module, lora: Lora) -> list[str]:
    """Names of layers. In a mixture of experts none of an MLP: peft takes them for the experts' 3-D weights."""
    names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    short = {name.rpartition(".")[2] for name in names} - {"lm_head"}
    if any(name.endswith("experts.down_proj") for name, _ in model.named_parameters()):
        wrong = sorted(EXPERTS & set(lora.targets))
        if wrong:
            raise UserError(
                f"learner.lora.targets = {', '.join(wrong)} are layers of experts",
                "adapters of experts could not be merged for the sampler expert by expert",
                "name layers of the attention, or leave targets out for all of them",
            )
        short -= EXPERTS
    return sorted(lora.targets or short)


@contextmanager
def off(model: torch.nn.Module) -> Iterator[None]:
    """The policy without its adapters: what it was before training."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    adapted = [m for m in model.modules() if isinstance(m, BaseTunerLayer)]
    for module in adapted:
        module._disable_adapters = True  # enable_adapters() would also freeze them, which sharding takes for final
    try:
        yield
    finally:
        for module in adapted:
            module._disable_adapters = False


def merged(model: torch.nn.Module, name: str, weight: torch.Tensor, whole: Any) -> tuple[str, torch.Tensor] | None:
    """(plain name, weight with its adapter added) of an entry of the model's state; None for an adapter's own.

    Args:
        whole: makes a tensor of one that may be sharded.
    """
    if ".lora_" in name:
        return None
    if BASE not in name:
        return name, whole(weight)
    layer: Any = model.get_submodule(name.split(BASE)[0])
    plain = whole(weight)
    if name.endswith(BASE + "weight"):
        up, down = (whole(part[NAME].weight).float() for part in (layer.lora_B, layer.lora_A))
        plain = (plain.float() + layer.scaling[NAME] * (up @ down)).to(plain.dtype)
    return name.replace(BASE, "."), plain


def save(model: Any, config: LoraConfig, base: str, folder: Path, whole: Any, write: bool) -> None:
    """Writes the adapters in peft's own format, to be loaded onto the base by PeftModel.from_pretrained.

    Args:
        base: what the adapters were trained on top of.
        write: on one rank; all must call, since sharded adapters are put together on the way.
    """
    adapters = {name: tensor for name, tensor in model.state_dict().items() if ".lora_" in name}
    tensors = {
        f"base_model.model.{name.replace(f'.{NAME}.', '.')}": whole(tensor).cpu().contiguous()
        for name, tensor in adapters.items()
    }
    if write:
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        save_file(tensors, folder / FOLDER / "adapter_model.safetensors", metadata={"format": "pt"})
        config.base_model_name_or_path = base
        config.inference_mode = True
        config.save_pretrained(str(folder / FOLDER))
        config.inference_mode = False
