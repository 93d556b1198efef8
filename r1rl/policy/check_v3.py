"""What a DeepSeek-V3 policy's folder must say and hold beyond its names and shapes."""

from __future__ import annotations

from collections.abc import Iterator

from r1rl.policy import layout
from r1rl.policy.finding import Finding, Read, Rule, some

ROUTING = {"topk_method": "noaux_tc", "scoring_func": "sigmoid"}


def _routing_fields(read: Read) -> Iterator[Finding]:
    for key, value in ROUTING.items():
        if read[0].get(key) != value:
            yield Finding(
                what=f"config.json has {key} = {read[0].get(key)!r}",
                why="vLLM would route tokens to other experts than the learner, or not load the correction bias",
                instead=f'write "{key}": "{value}" into it, as DeepSeek-V3\'s own has',
            )


def _groups(read: Read) -> Iterator[Finding]:
    config = read[0]
    experts, groups, kept = config["n_routed_experts"], config.get("n_group") or 1, config.get("topk_group") or 1
    top = config["num_experts_per_tok"]
    if experts % groups or kept > groups or top > kept * (experts // groups):
        yield Finding(
            what=f"top-{top} of {experts} experts cannot be chosen from {kept} of {groups} groups",
            why="a token picks its experts within the best groups",
            instead="n_group must divide n_routed_experts, topk_group be at most n_group, and the kept groups hold "
            "num_experts_per_tok experts",
        )


def _bias_dtype(read: Read) -> Iterator[Finding]:
    wrong = [n for n, s in read[1].items() if n.endswith("e_score_correction_bias") and s.dtype != "F32"]
    if wrong:
        yield Finding(
            what=f"{len(wrong)} correction biases are {read[1][wrong[0]].dtype}, not float32: {some(wrong)}",
            why="steps of 0.001 are rounded away in 16 bits, and experts of near-tied scores change",
            instead="save them as float32; the values are small, so nothing else changes",
        )


def _mtp(read: Read) -> Iterator[Finding]:
    config, stored = read
    declared = config.get("num_nextn_predict_layers") or 0
    beyond = {layout.layer_of(n) for n in stored if layout.layer_of(n) >= config["num_hidden_layers"]}
    if len(beyond) != declared:
        yield Finding(
            what=f"config.json declares num_nextn_predict_layers = {declared}, the files hold {len(beyond)}",
            why="vLLM's draft model would find no weights, or the layer would be dropped",
            instead=f"write {len(beyond)} into config.json, or fetch the files of layer {config['num_hidden_layers']}",
        )
        return
    expected = {name: shape for name, shape in layout.layout(config).items() if layout.is_mtp(config, name)}
    wrong = [n for n, shape in expected.items() if n not in stored or stored[n].shape != shape]
    if wrong:
        yield Finding(
            what=f"{len(wrong)} weights of multi-token prediction are missing or of another shape: {some(wrong)}",
            why="vLLM's draft model reads them from there",
            instead="fetch the files again, or declare num_nextn_predict_layers = 0",
        )


def _rope(read: Read) -> Iterator[Finding]:
    config = read[0]
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in {"default", "yarn"}:
        yield Finding(
            what=f"config.json stretches positions by {kind!r}",
            why="DeepSeek policies are served with YaRN or nothing; vLLM would take others for YaRN",
            instead='write "rope_type": "yarn" with its numbers, or "default"',
        )
    lacking = [key for key in ("factor", "original_max_position_embeddings") if kind == "yarn" and key not in rope]
    if lacking:
        yield Finding(
            what=f"config.json's YaRN has no {' and no '.join(lacking)}",
            why="transformers would guess it from max_position_embeddings, vLLM would not start",
            instead="write it as the policy was trained",
        )


RULES: tuple[Rule, ...] = (_routing_fields, _groups, _bias_dtype, _mtp, _rope)
