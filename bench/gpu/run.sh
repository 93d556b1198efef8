#!/usr/bin/env bash
# Measurements on a machine with CUDA GPUs, phase by phase; each part in a process of its own, with a deadline, so that
# one that fails costs nothing but its own numbers. JSON, logs and a table go into $OUT as one archive, NAME.tgz.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/run.sh NAME PHASE…
# Phases, with seconds on one H100 as planned: prepare 70, rollout-short 180, ours-short 120, trl-short 110, base 110,
# rollout-long 150, ours-long 100, trl-long 160, ours-natural 75, trl-natural 150, sleep 200, trl-default 110,
# ours-long-1 120, graphs 90
# MICROBATCH: tokens of one forward pass of r1rl's learner. DRY=1 runs the same parts with a few tokens, without a GPU and
# without TRL's vLLM.
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home}
export TOKENIZERS_PARALLELISM=false
PYTHON=${PYTHON:-python3}
name=$1; shift
work=/tmp/bench-$name; mkdir -p "$work/json" "$work/logs" "$OUT"
policy=${POLICY:-$R1RL_HOME/models/smollm2-135m} endless=/tmp/bench-endless
short=short long=long natural=natural no_vllm=() dry=()
if [ -n "${DRY:-}" ]; then short=dry long=dry natural=dry-natural no_vllm=(--no-vllm) dry=(--memory-gib 0.5); fi

run() { # NAME SECONDS COMMAND…: a log of its own, its end on the screen
  local part=$1 seconds=$2 start=$SECONDS; shift 2
  timeout -k 10 "$seconds" "$@" > "$work/logs/$part.log" 2>&1
  local code=$?
  echo "== $part: exit $code, $((SECONDS - start)) s, at $SECONDS s"
  if [ $code -ne 0 ]; then tail -n 12 "$work/logs/$part.log" | cut -c1-300; fi
}
limits() { run "$1" 150 "$PYTHON" -m bench.gpu.limits "$2" "$3" --policy "$endless" --out "$work/json/$1.json" "${@:4}" "${dry[@]}"; }
ours() { run "$1" 260 "$PYTHON" -m bench.gpu.speed "$2" --policy "$3" --out "$work/json/$1.json" --timeout 240 \
  --memory-gib 10 --microbatch "${MICROBATCH:-32768}" "${@:4}" "${dry[@]}"; }
trl() { run "$1" 260 "$PYTHON" -m bench.gpu.trl_speed "$2" --policy "$3" --out "$work/json/$1.json" "${no_vllm[@]}" "${@:4}"; }

for phase in "$@"; do
  case $phase in
    prepare)
      [ -d "$policy" ] || run fetch 120 "$PYTHON" -m r1rl fetch smollm2-135m --file "$SMOL"
      run endless 60 "$PYTHON" -m bench.gpu.endless "$policy" "$endless"
      limits memory-short memory $short; limits memory-long memory $long ;;
    rollout-short)
      limits vllm-short vllm $short; limits vllm-short-logprobs vllm $short --logprobs
      for n in 1 2 3; do limits engine-short-$n engine $short --workers $n; done ;;
    rollout-long)
      limits vllm-long vllm $long; limits vllm-long-logprobs vllm $long --logprobs
      limits engine-long-2 engine $long --workers 2 ;;
    ours-short) ours ours-short-1 $short "$endless"; ours ours-short-2 $short "$endless" --workers 2 ;;
    ours-long) ours ours-long-2 $long "$endless" --workers 2 ;;
    ours-long-1) ours ours-long-1 $long "$endless" --memory-gib 16 ;;
    trl-short) trl trl-short $short "$endless" --rows 64 --tuned ;;
    trl-long) trl trl-long $long "$endless" --rows 16 --tuned ;;
    trl-default) trl trl-short-default $short "$endless" --rows 64 ;;
    ours-natural) ours ours-natural $natural "$policy" --workers 2 ;;
    trl-natural) trl trl-natural $natural "$policy" --rows 64 --tuned ;;
    base) run base 130 "$PYTHON" -m bench.gpu.base --policy "$policy" --out "$work/json/base.json" ${DRY:+--dry}
      grep digits "$work/logs/base.log" | sort -t: -k2 -r | head -n 40 | cut -c1-170 ;;
    sleep) # the GPU shared in turns, against both side by side
      ours ours-short-sleep $short "$endless" --workers 2 --set 'rollout.options={enable_sleep_mode: true}'
      ours ours-long-sleep $long "$endless" --workers 2 --set 'rollout.options={enable_sleep_mode: true}' ;;
    graphs) limits vllm-short-default vllm $short --default-graphs ;;
    *) echo "there is no phase $phase" ;;
  esac
done
"$PYTHON" -m bench.tables --raw "$work/json" > "$work/table.md" 2> "$work/logs/tables.log" || tail -3 "$work/logs/tables.log"
cat "$work/table.md"
tar -C "$work" -czf "$OUT/$name.tgz" json logs table.md
