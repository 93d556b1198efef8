"""The judge of lm-evaluation-harness's own MATH task, minerva_math, for rows of samples.jsonl."""

from __future__ import annotations

from typing import Any

from lm_eval.tasks.minerva_math import utils


def process_results(doc: dict[str, Any], results: list[str]) -> dict[str, int]:
    """`exact_match`: what follows "The final answer is". `math_verify`: the answer wherever math-verify finds it."""
    gold = {"answer": utils.normalize_final_answer(doc["answer"]), "solution": f"\\boxed{{{doc['answer']}}}"}
    found: dict[str, int] = utils.process_results(gold, results)
    return found
