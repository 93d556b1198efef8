#!/usr/bin/env bash
# Evaluation of SmolLM2-135M-Instruct on one CUDA GPU: its GGUF file at $SMOL, the sets in $R1RL_DATA, results to $OUT.
#   OUT=/tmp/out SMOL=/tmp/kit/smol.gguf R1RL_DATA=/data bench/gpu/evals.sh [PART …]     all parts by default, in order
#   greedy   MATH-500 and GSM8K, all problems
#   code     HumanEval and MBPP, greedy
#   sampled  MATH-500, all, four answers each: killed after its first answers, and continued
#   compare  greedy in float32 against greedy in bfloat16
#   lm_eval  lm-evaluation-harness, packed in $LM_EVAL (a .tar.xz of its site-packages), on the same MATH-500
# Whatever was stopped goes on when its part is named again on the same machine.
set -uo pipefail
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
export R1RL_HOME=${R1RL_HOME:-/tmp/r1rl-home} HF_HUB_OFFLINE=1 PYTHONUNBUFFERED=1 PYTHONPATH=$PWD:${PYTHONPATH:-}
root=$PWD
work=/tmp/evals
mkdir -p $work
run() { # NAME SECONDS COMMAND…: a log of its own and the end of it on the screen
  local name=$1 seconds=$2; shift 2
  local start=$SECONDS
  timeout -k 20 "$seconds" "$@" >> $work/$name.log 2>&1
  echo "== $name: exit $?, $((SECONDS - start)) s"; tail -9 $work/$name.log | cut -c1-240
}
evaluate="$PYTHON -m r1rl eval smollm2-135m --memory-gib 24 --at-once 1024 --max-tokens 1024"
run fetch 120 $PYTHON -m r1rl fetch smollm2-135m --file "$SMOL"
for part in ${*:-greedy code sampled compare lm_eval}; do
  case $part in
    greedy) run greedy 200 $evaluate --dtype bfloat16 --suite math500,gsm8k_test --preset greedy --out $work/greedy ;;
    code) run code 150 $evaluate --dtype bfloat16 --suite humaneval,mbpp --preset greedy --out $work/code ;;
    sampled)
      sampled="$evaluate --dtype bfloat16 --suite math500 --preset deepseek --template boxed --k 4 --out $work/sampled"
      $sampled > $work/killed.log 2>&1 & # killed -9 once it has written answers to some problems
      victim=$!
      for _ in $(seq 120); do
        sleep 1; [ "$(wc -l < $work/sampled/math500/samples.jsonl 2> /dev/null || echo 0)" -ge 200 ] && break
      done
      kill -9 $victim; wait $victim 2> /dev/null
      echo "== killed with $(wc -l < $work/sampled/math500/samples.jsonl) answers written"; sleep 10
      run sampled 240 $sampled ;;
    compare)
      run float32 150 $evaluate --dtype float32 --suite math500 --preset greedy --out $work/float32
      run compare 60 $PYTHON -m r1rl compare $work/float32 $work/greedy --lenient --out $work/comparison
      cp $work/comparison/comparison.png $work/compare.log "$OUT"/ ;;
    lm_eval)
      [ -f "${LM_EVAL:-}" ] || { echo "== lm_eval: no \$LM_EVAL"; continue; }
      mkdir -p $work/lm $work/lm_eval; tar -xJf "$LM_EVAL" -C $work/lm_eval; cp $work/greedy/math500/samples.jsonl $work/lm/
      cd $work/lm
      PYTHONPATH=$work/lm_eval:$PYTHONPATH HF_DATASETS_OFFLINE=1 run lm_eval 240 $PYTHON -m lm_eval run --model hf \
        --model_args pretrained=$R1RL_HOME/models/smollm2-135m,dtype=bfloat16 --tasks r1rl_boxed --batch_size 250 \
        --include_path $root/bench/lm_eval --apply_chat_template --gen_kwargs max_gen_toks=1024 --log_samples --output_path out
      cd $root
      run beside 60 $PYTHON bench/lm_eval/beside.py $work/lm/samples.jsonl $(ls -t $work/lm/out/*/samples_*.jsonl | head -1) ;;
    *) echo "no part $part" >&2; exit 2 ;;
  esac
done
for name in greedy code sampled float32; do
  ls $work/$name/*/results.json > /dev/null 2>&1 && $PYTHON -m bench.publish $work/$name $work/published/$name
  tail -n 40 $work/$name/logs/*.log > $work/$name.actors.log 2> /dev/null
done
tar -C $work -czf "$OUT/evals.tgz" published $(cd $work && ls -- *.log)
tar -C $work -czf "$OUT/samples.tgz" $(cd $work && ls -d */*/samples.jsonl) # to look at; not to be committed
ls -la "$OUT"
