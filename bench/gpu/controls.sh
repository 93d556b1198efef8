#!/usr/bin/env bash
# The tiny recipe and its random-reward control on one CUDA GPU in bf16, three seeds each, from one base; then a few
# steps of SmolLM2-135M-Instruct when its GGUF file is at $SMOL. Writes into $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/controls.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
export R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
train() { # RECIPE SEED
  timeout 300 python3 -m r1rl train recipes/$1.yaml policy.dtype=bfloat16 gate.mean=0.03 seed=$2 --out /tmp/$1-$2 \
    > /tmp/$1-$2.log 2>&1
  echo "$1-$2: exit $?, $SECONDS s, $(tr -d '\n' < /tmp/$1-$2/result.json 2> /dev/null || tail -n 3 /tmp/$1-$2.log)"
}
train r1_zero_tiny 0 # makes the base that the others start from
for recipe in r1_zero_tiny r1_zero_tiny_control; do
  for seed in 1 2; do train $recipe $seed & done
  if [ $recipe = r1_zero_tiny_control ]; then train $recipe 0 & fi
  wait
done
if [ -f "${SMOL:-}" ]; then
  timeout 100 python3 -m r1rl fetch smollm2-135m --file "$SMOL" > /dev/null 2>&1
  timeout 150 python3 -m r1rl train recipes/r1_zero_tiny.yaml policy.init=null policy.path=smollm2-135m policy.dtype=bfloat16 \
    warmup=null data.template=chat policy.max_length=512 rollout.max_tokens=128 rollout.memory_gib=8 learner.lr=1e-6 \
    learner.warmup_steps=0 train.steps=4 eval.problems=64 --out /tmp/smol-run > /tmp/smol-run.log 2>&1
  echo "smol: exit $?"; tail -n 12 /tmp/smol-run.log
fi
for folder in /tmp/r1_zero_tiny*-[012] /tmp/smol-run; do
  name=$(basename "$folder")
  cp "$folder/result.json" "/tmp/$name.result.json"; cp "$folder/metrics.jsonl" "/tmp/$name.metrics.jsonl"
  tail -n 60 "$folder"/logs/*.log > "/tmp/$name.actors.log" 2> /dev/null
done
cp /tmp/r1_zero_tiny-0/environment.json /tmp/
tar -C /tmp -czf "$OUT/controls.tgz" $(cd /tmp && ls -- *.metrics.jsonl *.result.json *.log environment.json)
