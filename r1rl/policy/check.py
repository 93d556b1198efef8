"""Whether a folder is a policy that transformers trains and vLLM serves: from config.json and the headers of its
safetensors, in a second, without torch and without reading a weight.

What transformers leaves alone and vLLM needs, or the other way round, fails late or not at all: a missing scoring_func
routes by softmax in silence, a correction bias in bfloat16 loses its steps, experts in no file come out random.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1rl.errors import UserError
from r1rl.policy import check_v3, layout
from r1rl.policy.finding import Finding, Read, Rule, some
from r1rl.policy.headers import Stored, read_config, read_headers

SCALE = "_scale_inv"
IGNORED = ("rotary_emb.inv_freq",)  # derived; old checkpoints carry it


def check(folder: Path) -> list[Finding]:
    """Everything wrong with a policy's folder; an empty list for a sound one.

    Raises UserError for a folder that holds no policy of a known family.
    """
    config = read_config(folder)
    if config.get("model_type") not in layout.families():
        raise UserError(
            f"{folder} has model_type {config.get('model_type')!r}",
            "what its checkpoint must hold is not known",
            f"policies are of the families {', '.join(layout.families())}",
        )
    read = config, read_headers(folder)
    rules = [*_EVERY, *(check_v3.RULES if config["model_type"] == "deepseek_v3" else ())]
    try:
        return [finding for rule in rules for finding in rule(read)] + [*_tokenizer(folder, config)]
    except KeyError as error:
        raise UserError(
            f"{folder / 'config.json'} has no {error.args[0]}",
            "the shapes of the policy follow from it",
            "take the config.json that belongs to the weights",
        ) from error


def _architecture(read: Read) -> Iterator[Finding]:
    if not read[0].get("architectures"):
        yield Finding(
            what="config.json names no architectures",
            why="vLLM picks the model's class by it",
            instead='write "architectures": ["DeepseekV3ForCausalLM"], or the class of its family',
        )


def _complete(read: Read) -> Iterator[Finding]:
    """Names, then shapes: of the policy itself; layers of multi-token prediction have a rule of their own."""
    config, stored = read
    expected = {name: shape for name, shape in layout.layout(config).items() if not layout.is_mtp(config, name)}
    missing = [name for name in expected if name not in stored]
    if missing:
        yield Finding(
            what=f"{len(missing)} of {len(expected)} weights are in no file: {some(missing)}",
            why="they would be random, or vLLM would not start",
            instead="fetch the missing files, or correct the numbers of layers and experts in config.json",
        )
    extra = [
        n for n in stored if n not in expected and not layout.is_mtp(config, n) and not n.endswith((SCALE, *IGNORED))
    ]
    if extra:
        yield Finding(
            what=f"{len(extra)} tensors belong to nothing that config.json declares: {some(extra)}",
            why="weights that are not loaded are lost, without an error",
            instead="correct config.json, or save the policy again with checkpoint names (experts one by one)",
        )
    wrong = [
        f"{n} {stored[n].shape} instead of {s}" for n, s in expected.items() if n in stored and stored[n].shape != s
    ]
    if wrong:
        yield Finding(
            what=f"{len(wrong)} weights have another shape than config.json says: {some(wrong)}",
            why="they cannot be loaded",
            instead="correct config.json, or take the weights that belong to it",
        )


def _fp8(read: Read) -> Iterator[Finding]:
    config, stored = read
    quantised = [name for name, s in stored.items() if s.dtype == "F8_E4M3"]
    declared = config.get("quantization_config") or {}
    if bool(quantised) != (declared.get("quant_method") == "fp8"):
        yield Finding(
            what=f"{len(quantised)} weights are FP8, and config.json's quantization_config is {declared or 'missing'}",
            why="FP8 values mean nothing without the method that made them",
            instead="take config.json and weights from the same checkpoint",
        )
        return
    side = (declared.get("weight_block_size") or [128, 128])[0]
    wrong = [n for n in quantised if n + SCALE not in stored or stored[n + SCALE].shape != _blocks(stored[n], side)]
    if wrong:
        yield Finding(
            what=f"{len(wrong)} FP8 weights lack factors, one for each block of {side} x {side}: {some(wrong)}",
            why="they cannot be dequantised",
            instead="fetch the checkpoint again",
        )


def _tokenizer(folder: Path, config: Mapping[str, Any]) -> Iterator[Finding]:
    file = folder / "tokenizer.json"
    if not file.is_file():
        yield Finding(
            what="there is no tokenizer.json",
            why="prompts cannot be encoded without the policy's own tokenizer",
            instead="save the tokenizer beside the weights: tokenizer.save_pretrained(folder)",
        )
        return
    read = json.loads(file.read_bytes())
    vocabulary = (read.get("model") or {}).get("vocab") or {}
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else [len(vocabulary) - 1]
    most = max([*ids, *(token["id"] for token in read.get("added_tokens") or ())], default=-1)
    if most >= config["vocab_size"]:
        yield Finding(
            what=f"the tokenizer has token {most}, the policy an embedding of {config['vocab_size']}",
            why="such a token cannot be looked up",
            instead="take the tokenizer that belongs to the policy",
        )


def _blocks(stored: Stored, side: int) -> tuple[int, ...]:
    return tuple(-(-length // side) for length in stored.shape)


_EVERY: tuple[Rule, ...] = (_architecture, _complete, _fp8)
