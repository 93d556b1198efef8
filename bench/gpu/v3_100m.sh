#!/usr/bin/env bash
# The 100M-class DeepSeek-V3 recipe on one CUDA GPU: warm-up, reinforcement learning, then how fast its engine samples,
# eager and with CUDA graphs. Archive in $OUT. About 7 minutes. DRY=1: a few tokens of a tiny policy, on a CPU.
#   OUT=/tmp/out [SECONDS_TRAIN=400] [NO_ENGINES=1] bench/gpu/v3_100m.sh [key=value of the recipe…]
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home}
PYTHON=${PYTHON:-python3} work=/tmp/bench-v3_100m
rm -rf "$work"; mkdir -p "$work/logs" "$work/kept" "$OUT"
overrides=("$@") setting=short
if [ -n "${DRY:-}" ]; then
  overrides+=(policy.init=tiny warmup.steps=2 warmup.batch=2 rollout.prompts=2 rollout.group=4 rollout.max_tokens=8
    rollout.memory_gib=0.5 rollout.workers=1 train.steps=2 eval.problems=4 eval.every=1 policy.dtype=float32)
  setting=dry
fi
run() { # NAME SECONDS COMMAND…
  local part=$1 seconds=$2 start=$SECONDS; shift 2
  timeout -k 20 "$seconds" "$@" > "$work/logs/$part.log" 2>&1
  echo "== $part: exit $?, $((SECONDS - start)) s"; tail -n 5 "$work/logs/$part.log" | cut -c1-250
}
run train "${SECONDS_TRAIN:-400}" "$PYTHON" -m r1rl train recipes/r1_zero_v3_100m.yaml "${overrides[@]}" --out "$work/run"
cp "$work/run"/{metrics.jsonl,result.json,recipe.yaml,environment.json,curves.png} "$work/kept/" 2> /dev/null
for file in $(ls "$work/run"/rollouts/*.txt 2> /dev/null | sed -n '1p;$p'); do cp "$file" "$work/kept/"; done
tail -n 40 "$work/run"/logs/*.log > "$work/kept/actors.log" 2> /dev/null
last=$(ls -d "$work/run"/checkpoints/step-*/ 2> /dev/null | tail -n 1)
graphs='{"enforce_eager": false, "compilation_config": {"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}}'
engine() { # NAME OPTIONS WORKERS
  run "$1" 100 "$PYTHON" -X faulthandler -m bench.gpu.limits engine $setting --policy "${last%/}" --out "$work/kept/$1.json" \
    --workers "$3" --template r1_zero --options "$2" ${DRY:+--memory-gib 0.5}
}
if [ -n "$last" ] && [ -z "${NO_ENGINES:-}" ]; then
  engine engine-eager '{}' 1
  if [ -z "${DRY:-}" ]; then engine engine-eager-2 '{}' 2; engine engine-graphs "$graphs" 1
    VLLM_USE_V2_MODEL_RUNNER=1 engine engine-graphs-v2 "$graphs" 1; fi
fi
tar -C "$work" -czf "$OUT/v3_100m.tgz" kept logs
