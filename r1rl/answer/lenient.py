r"""Finds the answer in a completion of a model that was never asked for a box or tags: for evaluation only.

In training every one of these doors would be found and used. In this order: \boxed{}, the answer tags or, if it comes
after them, "the final answer is …"; "#### 42", a line "A: 42" or "Answer: 42", the last formula between dollars, the
last number of the text. How the answer is then compared is lenient too: see r1rl.answer.form.
"""

from __future__ import annotations

import re

from r1rl.answer.extract import after_thinking, last_boxed, tagged
from r1rl.answer.reader import read
from r1rl.answer.tree import Unreadable

LAST_WORDS = 20_000  # characters: where an answer can stand; the searches below are not all linear
PHRASE = re.compile(
    r"(?i:answer)(?:\*\*)?\s*(?:(?i:is|are)\b\s*:?|[:=]|(?=\$|\\[(\[]))\s*(?:\*\*)?\s*(?P<answer>\S[^\n]{0,300})"
)
FINAL = re.compile(r"(?i:final answer)(?:\*\*)?[^\n]{0,100}?(?:\bis\b|\bare\b|[:=])\s*(?P<answer>\S[^\n]{0,300})")
HASHES = re.compile(r"####[ \t]*(?P<answer>\S[^\n]{0,300})")
LINE = re.compile(r"(?m)^(?:\*\*)?A(?:nswer)?(?:\*\*)?[:.](?:\*\*)?[ \t]*(?P<answer>\S[^\n]{0,300})$")
FORMULA = re.compile(
    r"\$\$([^$]{1,500})\$\$|(?<!\\)\$((?:[^$\n\\]|\\.){1,500})\$|\\\[(.{1,500}?)\\\]|\\\((.{1,500}?)\\\)", re.DOTALL
)
NUMBER = re.compile(r"(?<![\w.])[+-]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+|,\d{1,2}(?!\d))?+(?:/\d+)?%?(?!\d)")
SENTENCE = re.compile(r"\.(?:\s|$)|\bI hope\b")


def lenient(text: str) -> str | None:
    """The answer of a completion in whatever form it came.

    >>> lenient("6 / 2 = 3\\nA: 3"), lenient("The final answer is $x^2$. I hope so."), lenient("It is 1,000.")
    ('3', 'x^2', '1,000')
    """
    rest = (after_thinking(text) or "")[-LAST_WORDS:]
    if marked := last_boxed(text) or "".join(tagged(text)[-1:]):
        return _taken_back(rest) or marked
    for pattern in (FINAL, HASHES, LINE, PHRASE):
        if found := list(pattern.finditer(rest)):
            start = found[-1].start("answer")
            return _phrase(rest[start : start + 600], found[-1].group("answer"))
    if _is_bare(rest) and _is_readable(rest):
        return rest
    formulas, numbers = list(FORMULA.finditer(rest)), list(NUMBER.finditer(rest))
    if formulas and (not numbers or formulas[-1].end() >= numbers[-1].end()):
        return _inside(formulas[-1])
    return numbers[-1].group() if numbers else None


def _is_bare(text: str) -> bool:
    r"""Is this nothing but an answer: at most one word outside \text{}, or a short line without a formula in it?"""
    if len(text) >= 1000 or (FORMULA.search(text) and not FORMULA.fullmatch(text.strip())):
        return False
    plain = re.sub(r"\\[a-zA-Z]+\s*(?:\{[a-zA-Z ]*\})?", " ", text)
    return len(re.findall(r"[a-zA-Z]{2,}", plain)) <= 1 and not re.search(r"[a-zA-Z]{2,}\s*:", plain)


def _taken_back(rest: str) -> str | None:
    """What a text calls its final answer after the last box or tag."""
    marks = max(rest.rfind(mark) for mark in (r"\boxed", r"\fbox", "</answer>"))
    found = [match for match in FINAL.finditer(rest) if match.start() > marks]
    answer = _phrase(rest[found[-1].start("answer") :][:600], found[-1].group("answer")) if found else ""
    return answer if any(char.isdigit() for char in answer) else None


def _is_readable(text: str) -> bool:
    try:
        return bool(read(text))
    except Unreadable:
        return False


def _phrase(text: str, line: str) -> str:
    """The answer at the start of a text or, if its first line is a sentence, in what that says."""
    text = re.sub(r'^\\?"', "", text)
    if FORMULA.match(text):
        return _listed(text)
    sentence = re.split(r"\b(?:is|are|be)\b:?", SENTENCE.split(line, maxsplit=1)[0])[-1].strip(" *")
    if formula := FORMULA.search(sentence):
        return _listed(sentence[formula.start() :])
    numbers = NUMBER.findall(sentence)
    return numbers[-1] if numbers and len(re.findall(r"[a-zA-Z]{2,}", sentence)) > 1 else sentence


def _listed(text: str) -> str:
    """The formulas at the start of a text: the first, and those that only a comma or a word joins to it."""
    found = []
    while formula := FORMULA.match(text):
        found.append(_inside(formula).strip())
        text = re.sub(r"^\s*(?:,|and|or|,\s*and)\s*(?=\$|\\[(\[])", "", text[formula.end() :], count=1)
    return " , ".join(found)


def _inside(formula: re.Match[str]) -> str:
    return next(group for group in formula.groups() if group)
