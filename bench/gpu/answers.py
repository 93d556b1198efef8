"""What a policy of a learning run answers to held-out problems: strict and lenient accuracy, and the first answers.

    python -m bench.gpu.answers RUN --policy FOLDER --name base --out base.json

Asked of the base, of a checkpoint in the middle and of the last one, it shows the same problems answered three times.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.gpu import machine
from bench.gpu.base import measure, sampler
from r1rl.recipe import load_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="a run of arithmetic: its recipe says how to ask")
    parser.add_argument("--policy", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--memory-gib", type=float, default=8)
    options = parser.parse_args()
    recipe = load_recipe(options.run / "recipe.yaml")
    asked = {
        "task": dict(recipe.data.options),
        "template": recipe.data.template,
        "temperature": recipe.eval.temperature,
        "tokens": recipe.rollout.max_tokens,
    }
    with sampler(options.policy, options.memory_gib) as (rollouts, tokenizer):
        found = measure(rollouts, tokenizer, asked, options.problems)
    machine.write(options.out, {"name": options.name, "policy": str(options.policy), **asked, **found})
    print({key: value for key, value in found.items() if key != "examples"})


if __name__ == "__main__":
    main()
