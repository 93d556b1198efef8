#!/usr/bin/env bash
# Two GPUs of one host: learner on one and rollouts on the other, weights through CUDA IPC over the link between them; then
# a learner of two ranks. Archive in $OUT. About 8 minutes.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/two_gpus.sh
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home}
PYTHON=${PYTHON:-python3} work=/tmp/bench-two_gpus endless=/tmp/bench-endless policy=$R1RL_HOME/models/smollm2-135m
mkdir -p "$work/json" "$work/logs" "$OUT"
nvidia-smi topo -m > "$work/logs/topology.log" 2>&1; nvidia-smi topo -p2p r >> "$work/logs/topology.log" 2>&1
cat "$work/logs/topology.log"
run() { # NAME SECONDS COMMAND…
  local part=$1 seconds=$2 start=$SECONDS; shift 2
  timeout -k 10 "$seconds" "$@" > "$work/logs/$part.log" 2>&1
  local code=$?
  echo "== $part: exit $code, $((SECONDS - start)) s, at $SECONDS s"
  [ $code -eq 0 ] || tail -n 12 "$work/logs/$part.log" | cut -c1-300
}
[ -d "$policy" ] || run fetch 120 "$PYTHON" -m r1rl fetch smollm2-135m --file "$SMOL"
[ -d "$endless" ] || run endless 60 "$PYTHON" -m bench.gpu.endless "$policy" "$endless"
ours() { run "$1" 200 "$PYTHON" -m bench.gpu.speed "$2" --policy "$endless" --out "$work/json/$1.json" --timeout 180 "${@:3}"; }
# The tests of the wire first: what follows is worth nothing unless weights arrive.
R1RL_TEST_DTYPE=auto run wire 250 "$PYTHON" -m pytest -q tests/test_sync_real.py -p no:cacheprovider \
  -k "agree_from or equal_seeds or experts or embed_tokens or changed_or_missing"
ours two-short short
ours two-long long
ours two-ranks-short short --set learner.ranks=2
ours two-ranks-long long --set learner.ranks=2 rollout.workers=2
"$PYTHON" -m bench.tables --raw "$work/json" > "$work/table.md" 2> "$work/logs/tables.log"
cat "$work/table.md"
tar -C "$work" -czf "$OUT/two_gpus.tgz" json logs table.md
