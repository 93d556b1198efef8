#!/usr/bin/env bash
# Measurements on a machine with CUDA GPUs, phase by phase; each part in a process of its own, with a deadline, so that
# one that fails costs nothing but its own numbers. JSON, logs and a table go into $OUT as one archive, NAME.tgz, after
# each part.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf bench/gpu/run.sh NAME PHASE…
# Phases: prepare memory vllm engine graphs trl ours-short ours-long ours-natural sleep sync learner base, and with two GPUs two
#   two-nccl two-spread two-ranks. trl and ours-natural want the base that learning.sh makes.
# PATIENCE: seconds for one phase. AFTER: a file without which TRL takes no step.
# MICROBATCH: tokens of one forward pass of r1rl's learner. DRY=1 runs the same parts with a few tokens, without a GPU and
# without TRL's vLLM.
set -uo pipefail
cd "$(dirname "$0")/../.."
export PYTHONPATH=${PYTHONPATH:-}:$PWD HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home}
PYTHON=${PYTHON:-python3}
name=$1; shift
work=/tmp/bench-$name; mkdir -p "$work/json" "$work/logs" "$OUT"
policy=${POLICY:-$R1RL_HOME/models/smollm2-135m} endless=/tmp/bench-endless
patience=${PATIENCE:-300}
short=short long=long natural=natural no_vllm=() dry=() cuda=1
if [ -n "${DRY:-}" ]; then
  WORKERS=1 short=dry long=dry natural=dry-natural no_vllm=(--no-vllm) dry=(--memory-gib 0.5) cuda=
fi

run() { # NAME SECONDS COMMAND…: a log of its own, its end on the screen
  local part=$1 seconds=$2 start=$SECONDS; shift 2
  timeout -k 10 "$seconds" "$@" > "$work/logs/$part.log" 2>&1
  local code=$?
  echo "== $part: exit $code, $((SECONDS - start)) s, at $SECONDS s"
  if [ $code -ne 0 ]; then tail -n 12 "$work/logs/$part.log" | cut -c1-300; fi
  tar -C "$work" -czf "$OUT/$name.tgz" json logs
}
limits() { run "$1" "$patience" "$PYTHON" -m bench.gpu.limits "${@:2}" --policy "$endless" --out "$work/json" "${dry[@]}"; }
ours() { run "$1" "$patience" "$PYTHON" -m bench.gpu.speed "$2" --policy "$3" --out "$work/json/$1.json" \
  --timeout $((patience - 20)) --microbatch "${MICROBATCH:-65536}" "${@:4}" "${dry[@]}"; }
fast() { ours "$1" "$2" "$3" --workers "${WORKERS:-4}" --memory-gib "${MEMORY_GIB:-4}" --set ${cuda:+learner.fusion=compile} "${@:4}"; }
base() { # the newest cold start of SmolLM2
  local config; config=$(grep -ls '"llama"' "$R1RL_HOME"/warmup/*/config.json | xargs -r ls -t | head -n 1); echo "${config%/*}"
}

measure() { # PHASE
  case $1 in
    prepare)
      [ -d "$policy" ] || run fetch 120 "$PYTHON" -m r1rl fetch smollm2-135m --file "$SMOL"
      run endless 60 "$PYTHON" -m bench.gpu.endless "$policy" "$endless" ;;
    memory) limits memory memory $short $long ;;
    vllm) limits vllm vllm $short $long ;;
    engine) limits engine engine $short --workers 4 --memory-gib 6 ;;
    graphs) limits vllm-graphs vllm $short --default-graphs ;;
    ours-short) MEMORY_GIB=2 fast ours-short $short "$endless" ;;
    ours-long) fast ours-long $long "$endless" ;;
    trl) run trl "${PATIENCE:-900}" "$PYTHON" -m bench.gpu.trl_speed $short $long $natural --policy "$endless" --base "$(base)" \
      --out "$work/json" --tuned ${AFTER:+--after "$AFTER"} "${no_vllm[@]}" ;;
    ours-natural) MEMORY_GIB=2 fast ours-natural $natural "$(base)" ;;
    sleep) # the GPU shared in turns instead of split
      MEMORY_GIB=2 fast ours-short-sleep $short "$endless" 'rollout.options={enable_sleep_mode: true}' ;;
    sync) run sync "$patience" "$PYTHON" -m bench.sync --policy "$policy" --workers "${WORKERS:-4}" --out "$work/json/sync.json" ;;
    two) # the learner on one GPU and an engine on the other: weights through CUDA IPC
      nvidia-smi topo -m > "$work/logs/topology.log" 2>&1
      WORKERS=1 MEMORY_GIB=16 fast two-short $short "$endless" ;;
    two-nccl)
      run broadcast 120 "$PYTHON" -m bench.gpu.broadcast
      WORKERS=1 MEMORY_GIB=16 fast two-short-nccl $short "$endless" rollout.transport=nccl ;;
    two-spread) MEMORY_GIB=4 fast two-short-spread $short "$endless" ;; # two engines on each, one beside the learner
    two-ranks) WORKERS=2 MEMORY_GIB=8 fast two-short-ranks $short "$endless" learner.ranks=2 ;;
    learner)
      run learner 280 "$PYTHON" -m bench.learner --lengths 1024 4096 --layouts packed --fusion ${cuda:+compile} none \
        --out "$work/json/learner.json" --profile "$work/logs/profile" \
        $([ -n "${DRY:-}" ] && echo --layers 2 --tokens 64 --microbatch 64 || echo --microbatch 65536) ;;
    base) run base 130 "$PYTHON" -m bench.gpu.base --policy "$policy" --out "$work/json/base.json" ${DRY:+--dry}
      grep digits "$work/logs/base.log" | sort -t: -k2 -r | head -n 40 | cut -c1-170 ;;
    *) echo "there is no phase $1" ;;
  esac
}

for phase in "$@"; do measure "$phase"; done
"$PYTHON" -m bench.tables --raw "$work/json" > "$work/table.md" 2> "$work/logs/tables.log" || tail -3 "$work/logs/tables.log"
cat "$work/table.md"
tar -C "$work" -czf "$OUT/$name.tgz" json logs table.md
