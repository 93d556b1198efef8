r"""Finds the answer in a completion: what stands after the thinking, in \boxed{} or in the answer tags.

Strict on purpose: a judge that falls back to any number in the text pays for "I guess 42". An answer that is cut off
(an open tag, an unbalanced or an empty box) voids the whole, since what came before it was not the final word.
Everything is linear in the length of the text: completions are hostile, and a megabyte of `\boxed{` is a cheap attack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from r1rl.errors import UserError

BOX = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")
DEEPEST = 1000  # braces in braces: such a box is as good as open
BRACES = re.compile(r"\\[{}]|[{}]")
GLUE = re.compile(
    r"(?:\\\(|\\\)|\\\[|\\\]|\\quad|\\qquad|\\text|\\ |\\,|\\;|[\s$,;.{}&*]|\band\b|\bor\b"
    r"|(?:\bfor )?(?:\bpart )?\([a-e]\)|[a-zA-Z](?:_\{?\w\}?)?\s*=)*"
)
BLANK = re.compile(r"(?:[\s$~{}]|\\[,;:! ]|\\quad|\\qquad|\\text|\\mathrm)*")


def after_thinking(text: str) -> str | None:
    """What stands after the last `</think>`; None if the text ends while it is still thinking.

    >>> after_thinking("<think>so 3</think> 4"), after_thinking("4"), after_thinking("<think> 4")
    (' 4', '4', None)
    """
    rest = text.rpartition("</think>")[2]
    return None if "<think>" in rest else rest


def tagged(text: str) -> list[str]:
    """What stands in the answer tags after the thinking; nothing if a tag is left open or an answer is blank.

    >>> tagged("<think><answer>1</answer></think><answer>2</answer> or <answer>3</answer>"), tagged("<answer>2")
    (['2', '3'], [])
    """
    parts = [part.partition("</answer>") for part in (after_thinking(text) or "").split("<answer>")[1:]]
    return [answer for answer, _, _ in parts] if all(end and answer.strip() for answer, end, _ in parts) else []


def boxed(text: str) -> list[str]:
    r"""The contents of the \boxed{} after the thinking; nothing if one is left open or the last one is empty.

    >>> boxed(r"\boxed{1}, so \boxed{\frac{2}{3}}"), boxed(r"\boxed{42}, no, \boxed{43"), boxed(r"\boxed{42} \boxed{ }")
    (['1', '\\frac{2}{3}'], [], [])
    """
    rest = after_thinking(text) or ""
    return [rest[start:end] for _, start, end in _boxes(rest)]


def last_boxed(text: str) -> str | None:
    r"""The final answer in boxes: the last \boxed{}, with those beside it as a list ("\boxed{1} and \boxed{2}").

    Boxes with words between them are earlier results, or an answer that was taken back: the last word counts. Boxes
    side by side are one answer in several parts, so that `\boxed{42}, \boxed{43}` is right for neither 42 nor 43.

    >>> last_boxed(r"\boxed{1}? No: \boxed{2}"), last_boxed(r"\boxed{2} and $\boxed{3}$"), last_boxed("2")
    ('2', '2 , 3', None)
    """
    rest = after_thinking(text) or ""
    boxes = _boxes(rest)
    if not boxes:
        return None
    first = len(boxes) - 1
    while first and GLUE.fullmatch(rest, boxes[first - 1][2] + 1, boxes[first][0]):
        first -= 1
    return " , ".join(dict.fromkeys(rest[start:end].strip() for _, start, end in boxes[first:]))


def either(text: str) -> str | None:
    r"""The last word of the two: the last \boxed{}, or the last answer tags if they end later or hold that box.

    >>> either(r"\boxed{1} <answer>2</answer>"), either(r"<answer>2</answer> \boxed{1}"), either(r"\boxed{1} <answer>2")
    ('2', '1', None)
    """
    rest = after_thinking(text) or ""
    tag, box = rest.rfind("<answer>"), max((match.start() for match in BOX.finditer(rest)), default=-1)
    if tag > box or 0 <= tag < box < rest.rfind("</answer>"):
        return answers[-1] if (answers := tagged(rest)) else None
    return last_boxed(rest) if not (tag >= 0 and not tagged(rest)) else None


def unwrapped(answer: str) -> str:
    r"""An answer without the box around it: `<answer>$\boxed{2}$</answer>` answers 2.

    >>> unwrapped(r"so $\boxed{2}$."), unwrapped("2")
    ('2', '2')
    """
    for _ in range(3):  # boxes in boxes in boxes are nobody's answer
        inner = last_boxed(answer) if "boxed" in answer or "fbox" in answer else None
        if inner is None:
            return answer
        answer = inner
    return answer


def asked(gold: str) -> str:
    r"""A gold answer without its boxes: several in a solution are its several parts.

    >>> asked(r"\boxed{1} papers and \boxed{2} bins"), asked("3")
    ('1 , 2', '3')
    """
    boxes = dict.fromkeys(unwrapped(box).strip() for box in boxed(gold))
    return " , ".join(boxes) or gold


def _in_boxes(text: str) -> list[str]:
    last = last_boxed(text)
    return [] if last is None else [unwrapped(last)]


def _in_tags(text: str) -> list[str]:
    return [unwrapped(answer) for answer in tagged(text)]


def _in_either(text: str) -> list[str]:
    """The last box or the last tags, and all tags: an answer that is taken back in the next one is a hedge."""
    last = either(text)
    return [] if last is None else [unwrapped(answer) for answer in (last, *tagged(text))]


EXTRACT: dict[str, Callable[[str], list[str]]] = {"boxed": _in_boxes, "answer": _in_tags, "either": _in_either}
"""Where a recipe says that answers stand. Several answers that differ are a hedge: judges refuse them."""


def known_place(reward: str, extract: str, places: Iterable[str] = EXTRACT) -> None:
    """Raises UserError for a place of answers that a reward does not know."""
    if extract not in places:
        raise UserError(
            f"{reward} cannot extract {extract!r}",
            "it says where an answer stands",
            f"write one of {', '.join(places)}",
        )


def _boxes(text: str) -> list[tuple[int, int, int]]:
    """(start, start of the content, end of the content) of each outermost box; none if one is open."""
    found, position = [], 0
    while match := BOX.search(text, position):
        end = _closing(text, match.end())
        if end is None:
            return []
        found.append((match.start(), match.end() + 1, end))
        position = end + 1
    if found and BLANK.fullmatch(text, found[-1][1], found[-1][2]):
        return []
    return found


def _closing(text: str, opening: int) -> int | None:
    r"""Where the brace that opens there is closed; escaped braces (`\{`) are not braces."""
    depth = 0
    for match in BRACES.finditer(text, opening):
        depth += {"{": 1, "}": -1}.get(match.group(), 0)
        if depth == 0:
            return match.start()
        if depth > DEEPEST:
            return None
    return None
