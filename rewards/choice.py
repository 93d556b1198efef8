r"""Judges the answer to a multiple-choice question: one letter from A to J.

The gold answer is "B", "(B)" or "B. Paris"; with the texts of the choices in meta["choices"] it may also be "Paris".
An answer is the letter, bare or dressed ("(B)", "b.", `\text{B}`, `**B**`, "Ｂ", "The answer is B"), the letter and a
text, or the text of exactly one choice. Letter and text have to agree. "A or B" is no letter, so it is WRONG.
"""

import re
import unicodedata

from r1rl.answer.extract import EXTRACT, after_thinking, known_place
from r1rl.types import Problem, Verdict

LONGEST = 2000  # characters of an answer
LETTERS = "ABCDEFGHIJ"
WRAPPED = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|mathit|boxed|fbox)\s*\{([^{}]*)\}")
DRESS = re.compile(r"""[*_`$~{}"“”]|\\[()\[\]{},;! ]""")
PREFIX = re.compile(r"(?:the )?(?:correct |final |best )*(?:answer|option|choice)(?: is)?\s*:?\s*(?=\W?[a-j]\b)", re.I)
LABEL = re.compile(
    r"(?: [(\[] ([A-Ja-j]) [)\]] [.:]? \s*  |  ([A-Ja-j]) (?: (?: [.):] | \s[–-] ) (?:\s+|$) | $ ) ) (?P<text>.*)",
    re.VERBOSE | re.DOTALL,
)
# For `lenient` only. A and I are words, too: "A dog", "I think".
LOOSE = re.compile(r"(?<![A-Za-z'’])(?:[B-HJ](?![A-Za-z'’])|[AI](?=\s*(?:$|[^\sA-Za-z'’])|\s+(?:or|and|is|[A-Z])))")
SAID = re.compile(r"(?i:answer|réponse|respuesta|resposta|risposta|antwoord|antwort|ответ|答案|答え|정답|الإجابة|उत्तर)")


def prepare(*, extract: str = "either") -> None:
    """Raises UserError for an unknown place of answers."""
    known_place("choice:correct", extract, PLACES)


def correct(problem: Problem, completion: str, *, extract: str = "either") -> Verdict:
    r"""Is the one choice that the completion makes the right one?

    `extract` says where the answer stands after the thinking: "boxed", "answer" (the tags), "either" (the last of the
    two), or "lenient", which goes on to the letter after the word "answer", to one that opens the text, and to the
    last one of the text. That last is for evaluating models that were never told a form: in training it pays for
    naming letters until one is right.

    >>> geography = Problem(id="a", question="…", gold="B", meta={"choices": ["Rome", "Paris"]})
    >>> correct(geography, r"<think>…</think> \boxed{\text{(B)}}").value, correct(geography, r"\boxed{paris}").value
    ('correct', 'correct')
    >>> correct(geography, r"\boxed{A or B}").value, correct(geography, r"\boxed{B. Rome}").value
    ('wrong', 'wrong')
    """
    prepare(extract=extract)
    choices = _choices(problem)
    gold = None if choices is None else _letter(problem.gold, choices)
    if gold is None and choices is not None and extract == "lenient":
        gold = _loose(problem.gold)
    if choices is None or gold is None:
        return Verdict.UNGRADABLE
    answers = PLACES[extract](completion)
    if not answers:
        return Verdict.NO_ANSWER
    return Verdict.CORRECT if {_letter(answer, choices) for answer in answers} == {gold} else Verdict.WRONG


def _choices(problem: Problem) -> list[str] | None:
    """The texts of the choices as they are compared, [] if the problem does not say them; None if they are no texts."""
    choices = problem.meta.get("choices", [])
    if not isinstance(choices, list | tuple) or len(choices) > len(LETTERS):
        return None
    return [_plain(choice).casefold() for choice in choices] if all(isinstance(c, str) for c in choices) else None


def _letter(answer: str, choices: list[str]) -> str | None:
    """The letter that an answer chooses, or None. A letter wins over a choice whose text is a letter.

    >>> _letter("(b) Paris.", ["rome", "paris"]), _letter("Paris", ["rome", "paris"]), _letter("C", ["rome", "paris"])
    ('B', 'B', None)
    """
    plain = PREFIX.sub("", _plain(answer), count=1)
    label = LABEL.fullmatch(plain)
    if not label:
        text = plain.casefold()
        return LETTERS[choices.index(text)] if text and choices.count(text) == 1 else None
    letter = (label[1] or label[2]).upper()
    if choices and LETTERS.index(letter) >= len(choices):
        return None
    return letter if _agrees(label["text"], letter, choices) else None


def _agrees(text: str, letter: str, choices: list[str]) -> bool:
    """Is the text after a letter the text of that choice? Where nobody knows it: does it name no other letter?"""
    if choices:
        return text.casefold() in ("", choices[LETTERS.index(letter)])
    return not LOOSE.search(text) and not LABEL.match(text)


def _plain(text: str) -> str:
    r"""A text without what it is dressed in.

    >>> _plain(r"$\text{\textbf{(B)}}$"), _plain("**Ｂ．** New   York."), _plain("B")
    ('(B)', 'B. New York', 'B')
    """
    text = unicodedata.normalize("NFKC", text[: LONGEST + 1])
    if len(text) > LONGEST:
        return ""
    for _ in range(4):  # nobody honest wraps deeper
        text = WRAPPED.sub(r"\1", text)
    return " ".join(DRESS.sub(" ", text).split()).rstrip(" .。")


def _loose(text: str) -> str | None:
    """The letter of a text in no form: the first after its last "answer", else the one it opens with, else its last."""
    said = SAID.split(text)[-1] if SAID.search(text) else ""
    first = LOOSE.search(said) or LOOSE.match(text.lstrip("( *"))
    return first.group() if first else next(iter(LOOSE.findall(text)[::-1]), None)


def _lenient(completion: str) -> list[str]:
    found = _loose(unicodedata.normalize("NFKC", (after_thinking(completion) or "")[-LONGEST:]))
    return EXTRACT["either"](completion) or ([found] if found else [])


PLACES = {**EXTRACT, "lenient": _lenient}
