"""How often a pretrained policy is right before any training: which task and prompt leave reinforcement learning room?

    python -m bench.gpu.base --policy FOLDER --out base.json

One engine, each variant's held-out problems with one answer each. Strict: the answer tags; lenient: any last number.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.gpu import machine
from r1rl import chat, cluster
from r1rl.cluster import Fleet
from r1rl.data import arithmetic
from r1rl.engine.spec import Sampling
from r1rl.rewards import math, number
from r1rl.rollout import Prompt, Rollouts
from r1rl.types import Verdict

TOKENS = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=400)
    parser.add_argument("--dry", action="store_true", help="two variants of few problems")
    options = parser.parse_args()
    asked = list(variants())[:: 40 if options.dry else 1]
    rows = []
    with sampler(options.policy, memory_gib=0.5 if options.dry else 16) as (rollouts, tokenizer):
        for variant in asked:
            rows.append(variant | measure(rollouts, tokenizer, variant, 8 if options.dry else options.problems))
            print(told(rows[-1]), flush=True)
    machine.write(options.out, {"system": "base", "policy": str(options.policy), "rows": rows})


@contextmanager
def sampler(policy: Path, memory_gib: float) -> Iterator[tuple[Rollouts, chat.Tokenizer]]:
    """One engine that holds a policy, and the policy's tokenizer."""
    fleet = Fleet(workers=1, max_length=1024, max_sequences=512, memory_gib=memory_gib)
    model = json.loads((policy / "config.json").read_text())["model_type"]
    logs = Path(tempfile.mkdtemp(prefix="sampler-"))
    with cluster.connected(None):
        hw = cluster.hardware("auto")
        with cluster.engines(fleet, hw, policy, model, logs, version=0) as started:
            yield (
                cluster.rollouts(started, [engine.call("start") for engine in started], 300, 300),
                chat.load_tokenizer(policy),
            )


def variants() -> Iterator[dict[str, Any]]:
    """Every way to ask that is worth trying."""
    tasks = [(1, "+-"), (2, "+"), (2, "+-"), (3, "+")]
    ways = [("chat", 0, False), ("plain", 0, True), ("plain", 0, False), ("r1_zero", 4, False), ("r1_zero", 12, False)]
    for (digits, operations), words, (template, shots, form), temperature in itertools.product(
        tasks, (False, True), ways, (1.0, 0.6)
    ):
        task = {"digits": digits, "operations": operations, "words": words, "form": form, "shots": shots}
        yield {"task": task, "template": template, "temperature": temperature}


def measure(rollouts: Any, tokenizer: chat.Tokenizer, variant: dict[str, Any], problems: int) -> dict[str, Any]:
    """Strict and lenient accuracy on held-out problems, and the texts of some."""
    source = arithmetic.source(seed=0, **variant["task"])
    few = variant["task"].get("digits") == 1  # there are hardly more sums of one digit
    asked = [source.problem("heldout", i) for i in range(min(problems, 15) if few else problems)]
    prompts = [Prompt(problem=p, ids_T=tuple(chat.render(variant["template"], p.question, tokenizer))) for p in asked]
    sampling = Sampling(
        samples=max(1, problems // len(asked)),
        temperature=variant["temperature"],
        max_tokens=variant.get("tokens", TOKENS),
        stop_ids=(tokenizer.eos_token_id,),
    )
    start = time.time()
    groups = rollouts.sample(prompts, sampling, seed=0)
    texts = [(g.problem, chat.decode(tokenizer, c.token_ids_T)) for g in groups for c in g.completions_G]
    lengths = [len(c.token_ids_T) for g in groups for c in g.completions_G]
    strict = [number.correct(p, text) for p, text in texts]
    lenient = [math.correct(p, text, extract="lenient").verdict for p, text in texts]
    return {
        "n": len(texts),
        "strict": sum(v is Verdict.CORRECT for v in strict) / len(texts),
        "tags": sum(v is not Verdict.NO_ANSWER for v in strict) / len(texts),
        "lenient": sum(v is Verdict.CORRECT for v in lenient) / len(texts),
        "mean_tokens": sum(lengths) / len(lengths),
        "seconds": time.time() - start,
        "examples": [{"question": p.question, "gold": p.gold, "answer": text} for p, text in texts[:8]],
    }


def told(row: dict[str, Any]) -> str:
    task = row["task"]
    asked = f"{task['digits']} digits {task['operations']:2} {'words ' if task['words'] else 'digits'}"
    way = f"{row['template']:8} shots {task['shots']:2} form {task['form']:d} T {row['temperature']}"
    numbers = " ".join(f"{key} {row[key]:6.1%}" for key in ("strict", "tags", "lenient"))
    return f"{asked} {way}: {numbers} tokens {row['mean_tokens']:.0f}   {row['examples'][0]['answer'][:60]!r}"


if __name__ == "__main__":
    main()
