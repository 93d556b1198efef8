#!/usr/bin/env bash
# The tiny recipe and its random-reward control on one CUDA GPU in bf16, three seeds each, from one base; then a few
# steps of SmolLM2-135M-Instruct when its GGUF file is at $SMOL. Writes into $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/controls.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3} work=/tmp/bench-controls
rm -rf "$work"; mkdir -p "$work/kept" "$work/logs" "$OUT"
export PYTHONPATH=${PYTHONPATH:-}:$PWD R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
train() { # RECIPE SEED
  timeout 300 "$PYTHON" -m r1rl train "recipes/$1.yaml" policy.dtype=bfloat16 gate.mean=0.03 "seed=$2" --out "$work/$1-$2" \
    > "$work/logs/$1-$2.log" 2>&1
  echo "$1-$2: exit $?, $SECONDS s, $(tr -d '\n' < "$work/$1-$2/result.json" 2> /dev/null || tail -n 3 "$work/logs/$1-$2.log")"
}
train r1_zero_tiny 0 # makes the base that the others start from
for recipe in r1_zero_tiny r1_zero_tiny_control; do
  for seed in 1 2; do train $recipe $seed & done
  if [ $recipe = r1_zero_tiny_control ]; then train $recipe 0 & fi
  wait
done
if [ -f "${SMOL:-}" ]; then
  timeout 100 "$PYTHON" -m r1rl fetch smollm2-135m --file "$SMOL" > /dev/null 2>&1
  timeout 150 "$PYTHON" -m r1rl train recipes/r1_zero_tiny.yaml policy.init=null policy.path=smollm2-135m policy.dtype=bfloat16 \
    warmup=null data.template=chat policy.max_length=512 rollout.max_tokens=128 rollout.memory_gib=8 learner.lr=1e-6 \
    learner.warmup_steps=0 train.steps=4 eval.problems=64 --out "$work/smol-run" > "$work/logs/smol-run.log" 2>&1
  echo "smol: exit $?"; tail -n 12 "$work/logs/smol-run.log"
fi
for folder in "$work"/*-*/; do
  name=$(basename "$folder")
  for file in metrics.jsonl result.json; do cp "$folder/$file" "$work/kept/$name.$file" 2> /dev/null; done
  tail -n 60 "$folder"/logs/*.log > "$work/logs/$name.actors.log" 2> /dev/null
done
cp "$work/r1_zero_tiny-0/environment.json" "$work/kept/"
tar -C "$work" -czf "$OUT/controls.tgz" kept logs
