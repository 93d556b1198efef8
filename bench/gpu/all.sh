#!/usr/bin/env bash
# Everything that bench/README.md tells of GPUs, in more than an hour: what SmolLM2 learns; the speed of TRL and of r1rl, one after
# the other; their limits; what a DeepSeek-V3 of 100M learns; two GPUs, where there are two; DeepSeek-V3 in vLLM; the tiny recipe and
# its control; evaluations, where there are sets. Archives in $OUT, each after each part.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf [R1RL_DATA=/data] bench/gpu/all.sh
# TRL starts while the learning runs end, but takes no step before the GPU is its own.
set -uo pipefail
cd "$(dirname "$0")/../.."
[ -n "${DRY:-}" ] || nvidia-smi -L > /dev/null 2>&1 || { echo "make bench-gpu: nvidia-smi finds no GPU here; make bench-cpu needs none" >&2; exit 2; }
quiet=/tmp/bench-quiet; rm -f $quiet
bash bench/gpu/run.sh speed prepare
bash bench/gpu/learning.sh &
learning=$!
until grep -qs "step 20/" /tmp/bench-learning/logs/main-0.log || ! kill -0 $learning 2> /dev/null; do sleep 1; done
AFTER=$quiet bash bench/gpu/run.sh speed trl &
trl=$!
wait $learning; touch $quiet
wait $trl
bash bench/gpu/run.sh speed ours-short ours-long ours-natural vllm memory sleep sync learner
bash bench/gpu/v3_100m.sh
[ -z "${DRY:-}" ] || exit 0 # the rest has no dry way
[ "$(nvidia-smi -L | wc -l)" -lt 2 ] || bash bench/gpu/run.sh speed two two-nccl two-spread two-ranks
bash bench/gpu/v3_probe.sh
bash bench/gpu/controls.sh
[ -z "${R1RL_DATA:-}" ] || bash bench/gpu/evals.sh greedy code
