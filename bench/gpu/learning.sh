#!/usr/bin/env bash
# Learning runs of SmolLM2-135M-Instruct on arithmetic: the recipe with two seeds, and its coin and format-only controls,
# side by side on one GPU from one base; then GSM8K before and after. Archive in $OUT. About 8 minutes.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf [R1RL_DATA=/data] [PHASES="train gsm8k"] bench/gpu/learning.sh [key=value…]
# DRY=1: a few tokens, on a CPU.
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home}
PYTHON=${PYTHON:-python3} policy=${POLICY:-$R1RL_HOME/models/smollm2-135m} work=/tmp/bench-learning
seconds=${SECONDS_EACH:-480} gsm_seconds=${SECONDS_GSM8K:-120} phases=${PHASES:-train gsm8k}
[[ $phases != *train* ]] || rm -rf "$work"
mkdir -p "$work/logs" "$OUT"
[ -d "$policy" ] || timeout 120 "$PYTHON" -m r1rl fetch smollm2-135m --file "$SMOL" > "$work/logs/fetch.log" 2>&1
overrides=(rollout.workers=1 rollout.memory_gib=3 learner.microbatch_tokens=16384 "$@") # four runs share the GPU
if [ -n "${DRY:-}" ]; then
  overrides+=(warmup.steps=2 warmup.batch=2 rollout.prompts=2 rollout.group=4 rollout.max_tokens=8 rollout.memory_gib=0.5
    rollout.workers=1 train.steps=2 eval.problems=4 eval.every=1)
fi
train() { # NAME RECIPE SEED
  timeout -k 20 "$seconds" "$PYTHON" -m r1rl train "recipes/$2.yaml" "policy.path=$policy" "seed=$3" "${overrides[@]}" \
    --out "$work/$1" > "$work/logs/$1.log" 2>&1
  echo "== $1: exit $?, at $SECONDS s: $(tail -n 1 "$work/logs/$1.log" | cut -c1-200)"
}
gsm8k() { # NAME MODEL
  [ -n "${R1RL_DATA:-}" ] || return 0
  timeout -k 20 "$gsm_seconds" "$PYTHON" -m r1rl eval "$2" --suite gsm8k_test --template plain --k 1 --max-tokens 512 --at-once 512 \
    --memory-gib 4 --out "$work/gsm8k-$1" > "$work/logs/gsm8k-$1.log" 2>&1
  echo "== gsm8k $1: exit $?, at $SECONDS s"; tail -n 6 "$work/logs/gsm8k-$1.log" | cut -c1-200
}
newest() { # the newest cold start of SmolLM2
  local config; config=$(grep -ls '"llama"' "$R1RL_HOME"/warmup/*/config.json | xargs -r ls -t | head -n 1)
  config=${config:-$policy/config.json}; echo "${config%/*}"
}
kept() { # what is worth keeping, so far
  for run in main-0 main-1 coin-0 format-0; do
    kept=$work/kept/$run; mkdir -p "$kept/rollouts"
    cp "$work/$run"/{metrics.jsonl,result.json,recipe.yaml,environment.json,curves.png} "$kept/" 2> /dev/null
    cp "$work/$run"/rollouts/heldout-*.txt "$kept/rollouts/" 2> /dev/null
    tail -n 30 "$work/$run"/logs/*.log > "$kept/actors.log" 2> /dev/null
  done
  for side in before base after; do
    mkdir -p "$work/kept/gsm8k-$side"; cp "$work/gsm8k-$side"/*/{results.json,report.md} "$work/kept/gsm8k-$side/" 2> /dev/null
  done
  tar -C "$work" -czf "$OUT/learning.tgz" kept logs
}

if [[ $phases == *train* ]]; then
  train main-0 r1_zero_smollm2_arithmetic 0 & # each makes the base; all start from the one that is done first
  train main-1 r1_zero_smollm2_arithmetic 1 &
  train coin-0 r1_zero_smollm2_coin 0 &
  train format-0 r1_zero_smollm2_format 0 &
  wait
  kept
fi
base=$(newest)
if [[ $phases == *gsm8k* ]]; then
  gsm8k before "$policy" & gsm8k base "$base" & gsm8k after "$work/main-0" & wait; kept
fi
"$PYTHON" -m bench.learning "$work/kept"
