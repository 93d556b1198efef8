"""Reads the tensors of a checkpoint one by one; those stored as FP8 are dequantised.

The official FP8 format of DeepSeek-V3 (its README_WEIGHTS): a weight in E4M3 with a factor for each block of 128 x 128,
`NAME_scale_inv`, to multiply with. Embedding, head, routers and norms are not quantised. `quantised` is the other
direction, used to measure what the format loses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors import safe_open

from r1rl.errors import UserError

BLOCK = 128
SCALE = "_scale_inv"
E4M3_MAX = torch.finfo(torch.float8_e4m3fn).max  # 448


def files(folder: Path) -> dict[str, Path]:
    """Name of each tensor of a checkpoint -> the file it is in. Raises UserError when there are no safetensors."""
    index, single = folder / "model.safetensors.index.json", folder / "model.safetensors"
    if index.is_file():
        return {name: folder / file for name, file in json.loads(index.read_text())["weight_map"].items()}
    if single.is_file():
        with safe_open(single, framework="pt") as opened:
            return dict.fromkeys(opened.keys(), single)
    raise UserError(
        f"{folder} has no model.safetensors and no index of several",
        "weights are read from safetensors",
        "give the folder that save_pretrained wrote, or fetch the missing files",
    )


def read(
    folder: Path, wanted: Callable[[str], bool] = lambda name: True, block: int = BLOCK
) -> Iterator[tuple[str, torch.Tensor]]:
    """(name, tensor) of a checkpoint, FP8 as fp32. Raises UserError for an FP8 weight without its factors."""
    places = files(folder)
    opened = {file: safe_open(file, framework="pt") for file in sorted(set(places.values()))}
    for name, file in places.items():
        if name.endswith(SCALE) or not wanted(name):
            continue
        tensor = opened[file].get_tensor(name)
        if tensor.dtype != torch.float8_e4m3fn:
            yield name, tensor
            continue
        scale = name + SCALE
        if scale not in places:
            raise UserError(
                f"{folder}: {name} is FP8 but there is no {scale}",
                "without the factors of its blocks the weight means nothing",
                "fetch the checkpoint again",
            )
        yield name, dequantised(tensor, opened[places[scale]].get_tensor(scale), block)


def dequantised(weight: torch.Tensor, scale_inv: torch.Tensor, block: int = BLOCK) -> torch.Tensor:
    """fp32 [rows, columns]: each block of block x block times its factor; the last blocks may be cut off."""
    rows, columns = weight.shape
    factors = scale_inv.float().repeat_interleave(block, 0)[:rows].repeat_interleave(block, 1)[:, :columns]
    return weight.float() * factors


def quantised(weight: torch.Tensor, block: int = BLOCK) -> tuple[torch.Tensor, torch.Tensor]:
    """(E4M3 [rows, columns], fp32 factors [blocks, blocks]) with each block's largest value at E4M3's largest.

    Nothing is off by more than a 16th of its own size or, near zero, than a block's largest / 448 / 1024.
    """
    rows, columns = weight.shape
    padded = torch.nn.functional.pad(weight.float(), (0, -columns % block, 0, -rows % block))
    tiles = padded.view(padded.shape[0] // block, block, padded.shape[1] // block, block)
    factors = tiles.abs().amax(dim=(1, 3)).clamp(min=1e-12) / E4M3_MAX
    scaled = (tiles / factors[:, None, :, None]).clamp(-E4M3_MAX, E4M3_MAX)
    return scaled.reshape(padded.shape)[:rows, :columns].to(torch.float8_e4m3fn), factors
