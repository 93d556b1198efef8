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
    same = sum(a.response.strip() == row["resps"][0][0].strip() for a, row in pairs)
    judged = Counter((a.lenient is Verdict.CORRECT, bool(row["math_verify"])) for a, row in pairs)
    lines = [
        f"{len(pairs)} problems, the same text word for word in {same}",
        f"ours: strict {sum(a.verdict is Verdict.CORRECT for a, _ in pairs)}, "
        f"lenient {judged[True, True] + judged[True, False]} right",
        f"lm-eval: exact_match {sum(bool(row['exact_match']) for _, row in pairs)}, "
        f"math_verify {judged[True, True] + judged[False, True]} right",
        f"right to both {judged[True, True]}, to ours alone {judged[True, False]}, "
        f"to math_verify alone {judged[False, True]}",
    ]
    return lines + [
        f"  {a.id}: lenient {a.lenient.value if a.lenient else None}, math_verify {row['math_verify']}, gold {a.answer!r}, "
        f"{'same text' if a.response.strip() == row['resps'][0][0].strip() else 'other text'}"
        for a, row in pairs
        if (a.lenient is Verdict.CORRECT) != bool(row["math_verify"])
    ]


if __name__ == "__main__":
    print("\n".join(beside(Path(sys.argv[1]), Path(sys.argv[2]))))
