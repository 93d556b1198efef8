#!/usr/bin/env bash
# Evaluation on one CUDA GPU: the weight-wire tests, then SmolLM2-135M-Instruct (GGUF at $SMOL) on published sets in
# $R1RL_DATA: greedy and sampled, one of them killed and continued, and the two compared. Writes into $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf R1RL_DATA=/data bench/gpu/evals.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
export R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1
run() { # NAME SECONDS COMMAND…: a log of its own and the end of it on the screen
  local name=$1 seconds=$2; shift 2
  local start=$SECONDS
  timeout -k 20 "$seconds" "$@" > "$OUT/$name.log" 2>&1
  echo "== $name: exit $?, $((SECONDS - start)) s"; tail -7 "$OUT/$name.log" | cut -c1-300
}
run convert 100 python3 bench/gpu/gguf_to_folder.py "$SMOL" /tmp/smol
smol="python3 -m r1rl eval /tmp/smol --memory-gib 40 --at-once 1024 --dtype bfloat16"
run greedy 150 $smol --suite gsm8k_test,math500 --preset greedy --max-tokens 1024 --out /tmp/greedy
run killed 45 $smol --suite gsm8k_test --preset deepseek --k 8 --max-tokens 1024 --out /tmp/sampled
run sampled 240 $smol --suite gsm8k_test,math500,aime2024 --preset deepseek --k 8 --max-tokens 1024 --out /tmp/sampled
run compare 60 python3 -m r1rl compare /tmp/sampled /tmp/greedy --out /tmp/compare
R1RL_TEST_DTYPE=auto run sync 250 python3 -m pytest -q tests/test_sync_real.py -p no:cacheprovider
for kind in greedy sampled; do
  for suite in gsm8k_test math500 aime2024; do
    [ -f /tmp/$kind/$suite/results.json ] || continue
    mkdir -p /tmp/results/$kind/$suite; cp /tmp/$kind/$suite/{results.json,report.md,definition.json} /tmp/results/$kind/$suite/
    gzip -c /tmp/$kind/$suite/report.html > /tmp/results/$kind/$suite/report.html.gz
  done
  tail -n 40 /tmp/$kind/logs/*.log > "/tmp/results/$kind/actors.log" 2> /dev/null
done
tar -C /tmp -czf "$OUT/evals.tgz" results
