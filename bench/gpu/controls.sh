#!/usr/bin/env bash
# The tiny recipe and its random-reward control on one CUDA GPU in bf16, two seeds each, side by side; then a few steps
# of SmolLM2-135M-Instruct when its GGUF file is at $SMOL. Writes into $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/controls.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
export R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
for recipe in r1_zero_tiny r1_zero_tiny_control; do
  for seed in 0 1; do
    timeout 330 python3 -m r1rl train recipes/$recipe.yaml policy.dtype=bfloat16 gate.mean=0.03 seed=$seed \
      --out /tmp/$recipe-$seed > "$OUT/$recipe-$seed.log" 2>&1 &
    sleep 4
  done
done
wait
for folder in /tmp/r1_zero_tiny*-[01]; do
  name=$(basename "$folder"); echo "$name $(tr -d '\n' < "$folder/result.json")"
  cp "$folder/result.json" "$OUT/$name.result.json"; cp "$folder/metrics.jsonl" "/tmp/$name.metrics.jsonl"
done
if [ -f "${SMOL:-}" ]; then
  timeout 100 python3 bench/gpu/gguf_to_folder.py "$SMOL" /tmp/smol > /dev/null 2>&1
  timeout 150 python3 -m r1rl train recipes/r1_zero_tiny.yaml policy.init=null policy.path=/tmp/smol policy.dtype=bfloat16 \
    warmup=null data.template=chat policy.max_length=512 rollout.max_tokens=128 rollout.memory_gib=8 learner.lr=1e-6 \
    learner.warmup_steps=0 train.steps=4 eval.problems=64 --out /tmp/smol-run > "$OUT/smol.log" 2>&1
  echo "smol: exit $?"; tail -n 12 "$OUT/smol.log"; cp /tmp/smol-run/metrics.jsonl /tmp/smol.metrics.jsonl
fi
tail -n 60 /tmp/*/logs/*.log > /tmp/actors.log 2> /dev/null
tar -C /tmp -czf "$OUT/more.tgz" actors.log $(cd /tmp && ls *.metrics.jsonl) ; cp /tmp/r1_zero_tiny-0/environment.json "$OUT/"
rm -f "$OUT"/r1_zero_tiny*.log
