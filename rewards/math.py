r"""Judges a mathematical answer: strict extraction, exact comparison, and one policy for the form of an answer.

Where the answer stands (`extract`): "boxed", the last \boxed{} after the thinking; "answer", the answer tags of R1-Zero
(a box inside them is unwrapped); "either", the last of the two, if no tags say otherwise; "lenient", for evaluating
models that were never asked for either (see r1rl.answer.lenient), never for training.

The answer-form policy: an answer is written out, not described. A plain number wants a plain number; otherwise any
algebra will do, but no sums, integrals or functions of constants that the gold answer has not worked out either. One
value: no hedges, no `7 = 42`. See r1rl.answer.form for what that means, .scalars for rounding, units, percent, degrees
and bases, .compare for lists, tuples, labels and chains of equations, .renaming for letters that an answer may choose.
"lenient" is the one exception, for evaluation: there the value alone decides (r1rl.answer.form says how far).
"""

from r1rl.answer.extract import EXTRACT, after_thinking, asked, known_place
from r1rl.answer.gold import unreadable
from r1rl.answer.lenient import lenient
from r1rl.answer.surface import compact
from r1rl.answer.verdict import judge
from r1rl.types import Judgement, Problem, Verdict

MOST = 10  # answers to look at: two that differ are a hedge already
PLACES = {**EXTRACT, "lenient": lambda completion: [lenient(completion) or ""]}


def prepare(*, extract: str = "either") -> None:
    """Raises UserError for an unknown place of answers."""
    known_place("math:correct", extract, PLACES)


def correct(problem: Problem, completion: str, *, extract: str = "either") -> Judgement:
    r"""Is the final answer of a completion the gold answer?

    Raises UserError for an unknown way to extract it.

    >>> half = Problem(id="a", question="1/4 + 1/4 = ?", gold=r"\frac{1}{2}")
    >>> correct(half, r"<think>2/4</think> It is $\boxed{0.5}$.").verdict.value
    'correct'
    >>> correct(half, r"<think>2/4</think> It is $\boxed{1/4 + 1/4}$.").verdict.value
    'wrong'
    >>> correct(half, r"<think>It is \boxed{0.5}").detail
    'still thinking at the end'
    """
    prepare(extract=extract)
    if not isinstance(completion, str):
        return Judgement.of(Verdict.NO_ANSWER, "not a text")
    if after_thinking(completion) is None:
        return _none_found(problem, "still thinking at the end")
    answers = {compact(answer): answer for answer in PLACES[extract](completion)[:MOST] if answer.strip()}
    if not answers:
        return _none_found(problem, f"no answer ({extract})")
    # A hedge is wrong for every gold answer of one value.
    return judge(asked(problem.gold), " or ".join(answers.values()), problem.question, lenient=extract == "lenient")


def _none_found(problem: Problem, why: str) -> Judgement:
    """No answer; but a gold answer that judges nobody is reported whatever was answered."""
    if reason := unreadable(problem.gold):
        return Judgement.of(Verdict.UNGRADABLE, f"gold answer: {reason}")
    return Judgement.of(Verdict.NO_ANSWER, why)
