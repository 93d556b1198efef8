"""Our verdicts beside those of lm-evaluation-harness, problem by problem.

    python bench/lm_eval/beside.py EVALUATION/SUITE/samples.jsonl LM_EVAL_OUTPUT/…/samples_r1rl_boxed_….jsonl

Over the problems that both have, with one answer each.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from r1rl.evaluation.attempts import read_attempts
from r1rl.types import Verdict


def beside(ours: Path, theirs: Path) -> list[str]:
    """What there is to say, line by line."""
    mine = {attempt.id: attempt for attempt in read_attempts(ours)}
    rows = [json.loads(line) for line in theirs.read_text().splitlines()]
    pairs = [(mine[row["doc"]["id"]], row) for row in rows if row["doc"]["id"] in mine]
    same = {a.id for a, row in pairs if a.response.strip() == row["resps"][0][0].strip()}
    judged = {a.id: (a.lenient is Verdict.CORRECT, bool(row["math_verify"])) for a, row in pairs}
    both = Counter(judged.values())
    strict, exact = sum(a.verdict is Verdict.CORRECT for a, _ in pairs), sum(row["exact_match"] for _, row in pairs)
    return [
        f"{len(pairs)} problems, the same text word for word in {len(same)}",
        f"ours: strict {strict:g}, lenient {both[True, True] + both[True, False]} right",
        f"lm-eval: exact_match {exact:g}, math_verify {both[True, True] + both[False, True]} right",
        f"right to both {both[True, True]}, to ours only {both[True, False]}, to math_verify only {both[False, True]}",
        *(
            f"  {name}: lenient {lenient}, math_verify {theirs}, {'the same' if name in same else 'another'} text"
            for name, (lenient, theirs) in judged.items()
            if lenient != theirs
        ),
    ]


if __name__ == "__main__":
    print("\n".join(beside(Path(sys.argv[1]), Path(sys.argv[2]))))
