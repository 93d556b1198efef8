#!/usr/bin/env bash
# Every algorithm's tiny recipe with three seeds, all from one base; then a table of the results.
#   bench/algorithms.sh FOLDER [AT_ONCE]
# FOLDER/RECIPE-SEED.json are the results, .metrics.jsonl and .log lie beside them; what is already there is not run
# again. AT_ONCE runs go side by side, each pinned to its share of the cores, the base included: a policy that was
# warmed up on another number of threads is another base.
set -uo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd) at_once=${2:-1}
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
export R1RL_HOME=${R1RL_HOME:-$out/home} out python share=$(($(nproc) / at_once)) PYTHONUNBUFFERED=1
[ "$share" -ge 1 ] || { echo "there are fewer than $at_once cores" >&2; exit 2; }

one() { # RECIPE SEED [OVERRIDE…]: one run, on the cores of slot $SLOT
  local name=$1-$2 first=$((SLOT * share))
  [ -f "$out/$name.json" ] && return
  rm -rf "$out/runs/$name"
  taskset -c "$first-$((first + share - 1))" "$python" -m r1rl train "recipes/$1.yaml" seed="$2" "${@:3}" \
    --out "$out/runs/$name" > "$out/$name.log" 2>&1
  echo "$name: exit $?, $(date +%H:%M:%S)"
  cp "$out/runs/$name/metrics.jsonl" "$out/$name.metrics.jsonl"
  cp "$out/runs/$name/result.json" "$out/$name.json"
}
export -f one

recipes=r1_zero_tiny # grpo
for file in r1rl/algorithms/[a-z]*.py; do
  recipe=r1_zero_tiny_$(basename "$file" .py)
  [ -f "recipes/$recipe.yaml" ] && recipes+=" $recipe"
done
# One short run makes the base; the others find it in the cache.
[ -d "$R1RL_HOME/warmup" ] || { SLOT=0 one r1_zero_tiny 0 train.steps=1 learner.warmup_steps=0 eval.problems=16 && rm "$out"/r1_zero_tiny-0.*; }
for seed in 0 1 2; do
  for recipe in $recipes; do echo "$recipe $seed"; done
done | xargs -P "$at_once" --process-slot-var=SLOT -L 1 bash -c 'one "$@"' one
"$python" bench/algorithms.py "$out" | tee "$out/table.md"
