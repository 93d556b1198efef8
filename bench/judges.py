"""What judging costs: normal answers a second, and 100 hostile answers among 10,000 normal ones, through two judges.

    python bench/judges.py --data ../shared/data > table.md

The normal answers are golds of MATH-500 and DeepMath, boxed: each gold against itself (right) and against another one
of the same file (wrong, unless the two are written alike).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import random
import time
from collections import Counter
from pathlib import Path

from r1rl import attacks
from r1rl.judge import Answer, RewardSpec
from r1rl.reward import JudgePool
from r1rl.types import Problem, Score, Verdict

THOUGHT = "<think>\nSome thoughts.\n</think>\nThe answer is "


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    normal = normal_answers(options.data, 10_000)
    gmpy2 = "with" if importlib.util.find_spec("gmpy2") else "without"
    print(f"{platform.processor() or platform.machine()}, {time.strftime('%Y-%m-%d')}, {gmpy2} gmpy2\n")
    print("| what | answers | seconds | answers a second and judge | verdicts |\n|---|---|---|---|---|")
    with_numbers = [pair for pair in normal if pair[0].problem.gold.isdigit()]
    measure("whole numbers (fast path)", with_numbers * 3, options.workers)
    measure("normal answers", normal, options.workers)
    measure("normal answers and 100 hostile ones", normal, options.workers, hostile_answers(100))


def normal_answers(folder: Path, count: int) -> list[tuple[Answer, Verdict | None]]:
    """Answers with the verdict they deserve; None for a wrong pair, where only CORRECT would be a mistake."""
    golds = [
        json.loads(line)["answer"]
        for name in ("math500", "deepmath_roll_5k")
        for line in (folder / f"{name}.jsonl").read_text().splitlines()
    ]
    rng = random.Random(0)
    pairs = []
    for i in range(count):
        gold = golds[i % len(golds)]
        other = rng.choice(golds) if i % 2 else gold
        problem = Problem(id=str(i), question="", gold=gold)
        answer = Answer(problem=problem, text=f"{THOUGHT}\\boxed{{{other}}}", tokens=None)
        pairs.append((answer, None if other != gold else Verdict.CORRECT))
    return pairs


def hostile_answers(count: int) -> list[Answer]:
    answers = []
    for i in range(count):
        bomb = attacks.BOMBS[i % len(attacks.BOMBS)](i)
        gold = ("42", "\\frac{1}{2}", "x^2+1", "9^{9^{9}}", "\\sqrt{3}")[i % 5]
        problem = Problem(id=f"hostile/{i}", question="", gold=gold)
        answers.append(Answer(problem=problem, text=f"{THOUGHT}\\boxed{{{bomb}}}", tokens=None))
    return answers


def measure(
    name: str, normal: list[tuple[Answer, Verdict | None]], workers: int, hostile: list[Answer] | None = None
) -> None:
    """One row of the table: wrong verdicts on normal answers are counted, and none is accepted on hostile ones."""
    mixed: list[tuple[Answer, Verdict | None]] = normal + [(answer, None) for answer in hostile or ()]
    random.Random(1).shuffle(mixed)
    pool = JudgePool([RewardSpec(fn="math:correct")], workers, deadline_s=10.0)
    pool.judge([answer for answer, _ in normal[:200]])  # imports, caches
    start = time.perf_counter()
    scores = pool.judge([answer for answer, _ in mixed])
    seconds = time.perf_counter() - start
    pool.close()
    verdicts = Counter(
        f"{'hostile ' if a.problem.id.startswith('h') else ''}{mark(a, s, d)}"
        for (a, d), s in zip(mixed, scores, strict=True)
    )
    rate = len(mixed) / seconds / workers
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    print(f"| {name} | {len(mixed)} | {seconds:.1f} | {rate:.0f} | {told} |", flush=True)


def mark(answer: Answer, score: Score, deserved: Verdict | None) -> str:
    """The verdict, or MISTAKEN for a gold that was not accepted."""
    return "MISTAKEN" if deserved is not None and score.verdict is not deserved else score.verdict.value


if __name__ == "__main__":
    main()
