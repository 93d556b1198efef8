#!/usr/bin/env bash
# DeepSeek-V3 in vLLM on one CUDA GPU, each way in a process of its own: the sampler's routes and their replay, a draft
# by multi-token prediction, FP8, and CUDA graphs with several attention backends. A table on the screen and in $OUT.
#   OUT=/tmp/out bench/gpu/v3_probe.sh [VARIANT …]      all of v3_probe.py's by default, 150 s at most each
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 PYTHONFAULTHANDLER=1 VLLM_ALLOW_INSECURE_SERIALIZATION=1
PYTHON=${PYTHON:-python3} work=/tmp/v3_probe; policy=$work/policy
mkdir -p $work "$OUT"
[ -d $policy ] || "$PYTHON" -m r1rl init-policy 100M-mtp $policy --max-length 512 --dtype bfloat16 || exit 1
variants=("$@")
[ $# -gt 0 ] || mapfile -t variants < <("$PYTHON" -c 'import bench.gpu.v3_probe as p; print(*p.VARIANTS, sep="\n")')
for variant in "${variants[@]}"; do
  log="$work/${variant//[^a-z0-9]/_}.log"
  timeout -k 10 150 "$PYTHON" -m bench.gpu.v3_probe "$variant" $policy > "$log" 2>&1
  code=$?
  grep '^== ' "$log" || echo "== $variant: FAILED, exit $code: $(grep -E 'Error|Fatal Python error|Segmentation' "$log" | tail -n 1 | cut -c1-200)"
done | tee "$work/v3_probe.txt"
mkdir -p $work/kept; cp $work/v3_probe.txt $work/kept/
tail -n 120 $work/*.log > $work/tails.txt; tar -C $work -czf "$OUT/v3_probe.tgz" kept tails.txt
