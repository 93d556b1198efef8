r"""Judges an answer that is a piece of text: the gold text itself (exact), or any text that a pattern matches (regex).

For yes or no, names, labels, formats. Where many texts say the same, use a judge that can read them. White space counts
as one space, Unicode is composed (NFC), `\text{…}` around a whole answer is taken off, and nothing else is forgiven.
"""

import unicodedata
from collections.abc import Callable

import regex as re  # the one with a timeout: a pattern such as (a+)+b can take years to find that there is no match

from r1rl.answer.extract import EXTRACT, known_place
from r1rl.errors import UserError
from r1rl.types import Problem, Verdict

LONGEST = 10_000  # characters of an answer or a pattern
SECONDS = 1.0  # for one match
WRAPPED = re.compile(r"\$?\\(?:text|textbf|textit|textrm|mathrm|mathbf)\{([^{}]*)\}\$?")


def prepare(*, extract: str = "either", case: str = "same") -> None:
    """Raises UserError for an unknown place of answers, or way to compare them."""
    known_place("text", extract)
    if case not in CASE:
        raise UserError(f"text: case is {case!r}", "nothing is known by that name", f"write one of {', '.join(CASE)}")


def exact(problem: Problem, completion: str, *, extract: str = "either", case: str = "same") -> Verdict:
    """Is the answer the gold text, letter by letter? With `case="any"`, capitals and small letters are alike.

    `extract` says where the answer stands after the thinking: "boxed", "answer" (the tags) or "either" (the last of
    the two). Several answers in tags have to be the same.

    >>> capital = Problem(id="a", question="…", gold="New York")
    >>> correct, wrong = "<answer> New  York\\n</answer>", "<answer>new york</answer>"
    >>> exact(capital, correct).value, exact(capital, wrong).value, exact(capital, wrong, case="any").value
    ('correct', 'wrong', 'correct')
    """
    prepare(extract=extract, case=case)
    fold = CASE[case]
    gold = fold(_plain(problem.gold))
    if not gold or len(gold) > LONGEST:
        return Verdict.UNGRADABLE
    answers = EXTRACT[extract](completion)
    if not answers:
        return Verdict.NO_ANSWER
    return Verdict.CORRECT if {fold(_plain(answer)) for answer in answers} == {gold} else Verdict.WRONG


def regex(problem: Problem, completion: str, *, extract: str = "either") -> Verdict:
    r"""Does the pattern that is the gold answer match the whole answer? Two different answers are a hedge: WRONG.

    The pattern is one of the package `regex`, nearly Python's; `(?i)` ignores case. One that cannot be read, matches
    the empty text or takes a second is at fault itself: UNGRADABLE.

    >>> date = Problem(id="a", question="…", gold=r"\d{4}-\d\d-\d\d")
    >>> regex(date, "<answer>2024-02-29</answer>").value, regex(date, "<answer>2024-02-29, I think</answer>").value
    ('correct', 'wrong')
    """
    prepare(extract=extract)
    try:
        pattern = re.compile(problem.gold) if 0 < len(problem.gold) <= LONGEST else None
        if pattern is None or pattern.fullmatch("", timeout=SECONDS):
            return Verdict.UNGRADABLE
        answers = {_plain(answer) for answer in EXTRACT[extract](completion)}
        if not answers:
            return Verdict.NO_ANSWER
        answer = answers.pop() if len(answers) == 1 else ""
        matches = len(answer) <= LONGEST and pattern.fullmatch(answer, timeout=SECONDS)
    except (re.error, TimeoutError):
        return Verdict.UNGRADABLE
    return Verdict.CORRECT if matches else Verdict.WRONG


def _plain(text: str) -> str:
    """A text as it is compared: composed, without the wrapping, white space as one space."""
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    wrapped = WRAPPED.fullmatch(text)
    return wrapped[1].strip() if wrapped else text


CASE: dict[str, Callable[[str], str]] = {"same": str, "any": str.casefold}
