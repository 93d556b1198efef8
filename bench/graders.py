r"""Measures the judge of mathematical answers against labelled cases: accuracy, false positives and negatives, speed.

    python bench/graders.py --cases ../shared/grader_cases --data ../shared/data

Prints Markdown tables: r1rl beside math-verify (both sides in a box) and plain strings on every set of cases, the
peers whose verdicts the adversarial cases carry, every data set's gold answers against themselves, random wrong pairs,
hostile inputs and answers per second. One process, a few minutes; `--pairs` sets the longest part.

What an answer is. "Strict" is the judge of training: a prediction with a box is judged by that box; a raw one is found
by the lenient mode and put into a box. "Lenient" is the judge of evaluation, on the whole text as it is. math-verify
too is asked twice, with the prediction in a box and on the whole text; the gold answer is in a box both times. A gold
answer in a solution is unwrapped for everybody. The options in math-verify's own tests (precision, strict, set against
relation) are not taken over: rows where a policy says otherwise count as errors, like all others.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from r1rl.answer.extract import asked, boxed
from r1rl.answer.gold import problems
from r1rl.answer.lenient import lenient
from r1rl.answer.second import agrees
from r1rl.answer.verdict import judge
from r1rl.rewards.math import correct
from r1rl.types import Problem, Verdict

Grader = Callable[[dict[str, Any]], bool]
OWN = Path(__file__).parent / "cases"  # written for this project, right and wrong answers of each kind
SETS = ["written_differently", "adversarial", "math_verify_tests", "misc_peer_tests", "gsm8k_model_solutions"]
SOLUTION = 60  # characters: a longer gold answer is a solution that holds one
HOSTILE = {
    "power tower": r"\boxed{9^{9^{9^{9}}}}",
    "python power": r"\boxed{9**9**9**9}",
    "factorials": r"\boxed{((9!)!)!}",
    "binomial": r"\boxed{\binom{1000000000}{500000000}}",
    "sum to 1e8": r"\boxed{\sum_{k=1}^{100000000} k}",
    "5,000 brackets": r"\boxed{" + "(" * 5000 + "1" + ")" * 5000 + "}",
    "28 brackets": r"\boxed{" + "u(" * 28 + "1" + ")" * 28 + "}",
    "300 fractions": r"\boxed{" + r"\frac{1}{" * 300 + "1" + "}" * 300 + "}",
    "a set of 500": r"\boxed{\{" + ",".join(map(str, range(500))) + r"\}}",
    "300 roots": r"\boxed{" + "+".join(rf"\sqrt{{{n}}}" for n in range(2, 302)) + "}",
    "1e6 digits": r"\boxed{" + "7" * 10**6 + "}",
    "200 kB of 1s": r"\boxed{" + "1 " * 100_000 + "}",
    "50,000 boxes": r"\boxed{1} " * 50_000,
    "1 MB of braces": r"\boxed{" + "{" * 10**6,
    "1 MB of formulas": "$x$ " * 250_000,
    "1 MB of answer is": "answer is " * 100_000,
}


def cases(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The labelled cases of a set, with the gold answer and the prediction as the judges get them."""
    for line in ((OWN if name == "written_differently" else folder) / f"{name}.jsonl").read_text().strip().split("\n"):
        case = json.loads(line)
        gold, text = asked(case["gold"]), case["pred"]
        if len(gold) > SOLUTION and " is " in gold:
            gold = lenient(gold) or gold
        if name != "adversarial" and not boxed(text) and "<think>" not in text:
            text = rf"\boxed{{{lenient(text) or ''}}}"
        yield {**case, "gold": gold, "text": text, "whole": case["pred"]}


def ours(case: dict[str, Any], mode: str = "boxed") -> bool:
    text = case["whole" if mode == "lenient" else "text"]
    return correct(Problem(id="", question="", gold=case["gold"]), text, extract=mode).verdict is Verdict.CORRECT


def strings(case: dict[str, Any]) -> bool:
    return bool(boxed(case["text"])) and agrees(case["gold"], boxed(case["text"])[-1]) is True


def math_verify(gold: str, text: str) -> bool:
    import math_verify as peer

    if len(text) > 20_000:
        return False
    return bool(peer.verify(peer.parse(rf"\boxed{{{gold}}}"), peer.parse(text)))


def accuracy(folder: Path, graders: dict[str, Grader]) -> str:
    rows = ["| cases | n (true / false) | " + " | ".join(f"{name}: accuracy, FP, FN" for name in graders) + " |"]
    rows.append("|---|---|" + "---|" * len(graders))
    for name in SETS:
        found = list(cases(folder, name))
        true = sum(case["expected"] for case in found)
        cells = []
        for grader in graders.values():
            said = [(grader(case), case["expected"]) for case in found]
            wrong = (sum(a and not b for a, b in said), sum(b and not a for a, b in said))
            cells.append(f"{1 - sum(wrong) / len(said):.3f}, {wrong[0]}, {wrong[1]}")
        rows.append(f"| {name} | {len(found)} ({true} / {len(found) - true}) | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def peers(folder: Path) -> str:
    """The verdicts of other graders, as the adversarial cases record them."""
    found = list(cases(folder, "adversarial"))
    rows = ["| grader on the adversarial cases | accuracy | FP | FN |", "|---|---|---|---|"]
    for name in ["r1rl", *found[0]["meta"]["results"]]:
        said = [
            (
                ours(case) if name == "r1rl" else case["meta"]["results"][name] == "1",
                case["expected"],
            )
            for case in found
        ]
        positive, negative = sum(a and not b for a, b in said), sum(b and not a for a, b in said)
        rows.append(f"| {name} | {1 - (positive + negative) / len(said):.3f} | {positive} | {negative} |")
    return "\n".join(rows)


def golds(folder: Path, name: str) -> list[str]:
    return [json.loads(line)["answer"] for line in (folder / f"{name}.jsonl").read_text().strip().split("\n")]


def themselves(folder: Path) -> str:
    rows = ["| data | gold answers | right for themselves | reported by the hygiene |", "|---|---|---|---|"]
    for path in sorted(folder.glob("*.jsonl")):
        if not re.match("math500|aime|gsm8k|deepmath|rllm_math|rllm_aime|rllm_amc", path.name):
            continue
        found = golds(folder, path.stem)
        right = sum(judge(gold, gold).verdict is Verdict.CORRECT for gold in found)
        bad = [f"{gold!r}: {reason}" for gold in found if (reason := problems(gold))]
        rows.append(f"| {path.stem} | {len(found)} | {right} | {'; '.join(bad) or 'none'} |")
    return "\n".join(rows)


def same_string(text: str) -> str:
    """For random pairs: what is the same after this is the same answer, and no wrong pair."""
    text = re.sub(r"\\(?:left|right|!|%|\$|text|mbox|mathbf)|\^\\circ|[{}\s]|\.$", "", text.replace("dfrac", "frac"))
    text = re.sub(r"^[a-zA-Z](?:_\w+)?(?:\([a-zA-Z]\))?=", "", text)
    return text.strip("()").lower()


def wrong_pairs(folder: Path, number: int) -> str:
    """Pairs of different gold answers. An accepted pair that math-verify too calls equal is no wrong pair."""
    pool = golds(folder, "math500") + golds(folder, "deepmath_roll_5k")
    random_ = random.Random(0)
    accepted: list[tuple[str, str]] = []
    start, tried = time.perf_counter(), 0
    while tried < number:
        gold, other = random_.choice(pool), random_.choice(pool)
        if same_string(gold) == same_string(other):
            continue
        tried += 1
        if judge(gold, other).verdict is Verdict.CORRECT:
            accepted.append((gold, other))
    seconds = time.perf_counter() - start
    equal = [pair for pair in accepted if equal_for_math_verify(*pair)]
    false = [pair for pair in accepted if pair not in equal]
    counts = f"{len(equal)} of them equal for math-verify too, {len(false)} false positives"
    listed = "\n".join(
        f"- `{gold}` for `{other}` ({'equal' if (gold, other) in equal else 'FALSE POSITIVE'})"
        for gold, other in sorted(set(accepted))
    )
    return f"{tried:,} random pairs, {len(accepted)} judged right: {counts}; {tried / seconds:,.0f} pairs/s\n{listed}"


def equal_for_math_verify(one: str, other: str) -> bool:
    """A second opinion on two gold answers, either way round; degrees as multiples of pi, which it does not know."""
    one, other = (re.sub(r"\^\{?\\circ\}?", r" \\cdot \\frac{\\pi}{180}", text) for text in (one, other))
    return any(math_verify(a, rf"\boxed{{{b}}}") for a, b in ((one, other), (other, one)))


def hostile() -> str:
    rows = ["| hostile completion | slowest of 5 gold answers (ms) |", "|---|---|"]
    for name, text in HOSTILE.items():
        slowest = 0.0
        for gold in ("42", r"\frac{\pi}{2}", r"\{1,2,3\}", "x^2+1", "n!"):
            start = time.perf_counter()
            if ours({"gold": gold, "text": text}):
                raise AssertionError(f"{name} is right for {gold}")
            slowest = max(slowest, time.perf_counter() - start)
        rows.append(f"| {name} | {slowest * 1000:.1f} |")
    return "\n".join(rows)


def speed(folder: Path) -> str:
    """Each gold answer for itself, written a little differently, so that no text comparison decides it."""
    found = golds(folder, "math500")
    plain = [gold for gold in found if re.fullmatch(r"-?\d+", gold)]
    other = [gold for gold in found if gold not in set(plain)]
    rows = ["| answers of MATH-500 | per second and core |", "|---|---|"]
    for name, gold_answers, text in (
        ("integers", plain, "{}.0"),
        ("integers", plain, "{}"),
        ("all others", other, "{{{{{}}}}}"),
    ):
        pairs = [(gold, text.format(gold)) for gold in gold_answers]
        pairs *= max(1, 5000 // len(pairs))
        for gold, answer in pairs[:50]:
            judge(gold, answer)
        start = time.perf_counter()
        for gold, answer in pairs:
            judge(gold, answer)
        rows.append(f"| {name} as `{text.format('…')}` | {len(pairs) / (time.perf_counter() - start):,.0f} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=Path, default=Path("../shared/grader_cases"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pairs", type=int, default=100_000)
    arguments = parser.parse_args()
    graders: dict[str, Grader] = {
        "r1rl strict": ours,
        "r1rl lenient": lambda case: ours(case, "lenient"),
        "math-verify boxed": lambda case: math_verify(case["gold"], case["text"]),
        "math-verify whole": lambda case: math_verify(case["gold"], case["whole"]),
        "strings": strings,
    }
    for section in (
        lambda: accuracy(arguments.cases, graders),
        lambda: peers(arguments.cases),
        lambda: themselves(arguments.data),
        hostile,
        lambda: speed(arguments.data),
        lambda: wrong_pairs(arguments.data, arguments.pairs),
    ):
        print(section(), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
