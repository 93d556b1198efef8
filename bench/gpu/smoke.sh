#!/usr/bin/env bash
# One CUDA GPU, the same code path as on a CPU: the weight-wire tests, the tiny recipe in bf16 with CUDA IPC, and a few
# steps of SmolLM2-135M-Instruct when its GGUF file is at $SMOL. Writes into $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/smoke.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
export R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
run() { # NAME SECONDS COMMAND…: a log of its own and the end of it on the screen
  local name=$1 seconds=$2; shift 2
  local start=$SECONDS
  timeout "$seconds" "$@" > "$OUT/$name.log" 2>&1
  echo "== $name: exit $?, $((SECONDS - start)) s"; tail -14 "$OUT/$name.log"
}
R1RL_TEST_DTYPE=auto run sync 200 python3 -m pytest -q tests/test_sync_real.py -p no:cacheprovider
run train 220 python3 -m r1rl train recipes/r1_zero_tiny.yaml policy.dtype=bfloat16 train.steps=40 --out /tmp/run
run eval 100 python3 -m r1rl eval /tmp/run --temperature 0
if [ -f "${SMOL:-}" ]; then
  run convert 100 python3 -m r1rl fetch smollm2-135m --file "$SMOL"
  run smol 200 python3 -m r1rl train recipes/r1_zero_tiny.yaml policy.init=null policy.path=smollm2-135m policy.dtype=bfloat16 \
    warmup=null data.template=chat policy.max_length=512 rollout.max_tokens=128 rollout.memory_gib=8 learner.lr=1e-6 \
    learner.warmup_steps=0 train.steps=4 eval.problems=64 --out /tmp/smol-run
fi
cp /tmp/run/metrics.jsonl /tmp/run/environment.json /tmp/run/result.json "$OUT"/ 2>/dev/null
tail -n 80 /tmp/run/logs/*.log /tmp/smol-run/logs/*.log > "$OUT/actors.log" 2>/dev/null
tar -C "$OUT" -czf "$OUT/logs.tgz" sync.log train.log eval.log convert.log smol.log actors.log 2>/dev/null
rm -f "$OUT"/{eval,convert,actors}.log
