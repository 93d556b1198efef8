r"""The answer-form policy: which trees are answers, and which only put the question again.

A policy that may box `\sum_{k=1}^{100} k` for 5050 learns to copy. So what is still to be worked out is refused, even
when its value is right. If the gold answer is a plain number, an answer is a plain number too: an integer, a decimal, a
fraction, a mixed number, a percentage, or digits times a power of ten. Otherwise any algebra will do (\sqrt{12} for
2\sqrt{3}), but functions and factorials of constants only where the gold answer has some (no \log_2 8, no \sin 60°).

Evaluation (`extract: lenient`) measures models that nobody rewards for copying, against numbers of other graders that
have no such rule. There the value alone decides: what is still to be worked out counts (sums and products of matrices
too), so do three right digits of an exact number, a percent sign more or less, the last value of a chain of equations
behind a label, and a tuple without its brackets. Never in training.
"""

from __future__ import annotations

from dataclasses import dataclass

from r1rl.answer.surface import compact
from r1rl.answer.tree import Node

WORKED_OUT = 4  # characters of a question: shorter passages of it are in many answers by chance


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How strictly an answer is held to its form, and what the question asks for.

    >>> Policy(), Policy(lenient=True)
    (Policy(percentage=False, lenient=False), Policy(percentage=False, lenient=True))
    """

    percentage: bool = False  # the question asks for one: then a percent sign more or less says nothing
    lenient: bool = False  # evaluation: the value alone decides


STRICT = Policy()


def refusal(gold: Node, answer: Node, policy: Policy = STRICT) -> str:
    r"""Why a right value is no answer, or "".

    >>> from r1rl.answer.reader import read
    >>> refusal(read("42"), read("40+2")), refusal(read(r"2\sqrt{3}"), read(r"\sqrt{12}"))
    ('still to be worked out', '')
    """
    if policy.lenient:
        return ""
    radians = gold.kind == "deg" and answer.has("const") and not answer.has("add")
    if is_literal(gold) and not is_literal(answer) and not radians:
        return "still to be worked out"
    if _to_work_out(answer) and not _to_work_out(gold):
        return "still to be worked out"
    return ""


def is_literal(node: Node) -> bool:
    """A number that is written down rather than described."""
    if node.kind in ("group", "neg", "pct", "deg", "unit"):
        return is_literal(node.parts[0])
    if node.kind == "div":
        return all(_is_number(part) for part in node.parts)
    if node.kind == "mul":  # "5 million" and 3 x 10^8, but not 3 x 100
        power = node.parts[1].kind == "pow" and is_literal(node.parts[1])
        return _is_number(node.parts[0]) and (power or node.text == "multiple")
    if node.kind == "pow":
        return node.parts[0].kind == "num" and node.parts[0].number == 10 and _is_number(node.parts[1])
    return node.kind in ("num", "mixed")


def restates(question: str, gold: str, answer: str) -> bool:
    r"""Does an answer copy a passage of the question that asks for something to be done?

    >>> restates(r"Expand $(x+1)^2$.", "x^2+2x+1", "(x+1)^2"), restates("Is 2 or 42 even?", "42", "42")
    (True, False)
    """
    copied = compact(answer)
    if len(copied) < WORKED_OUT or not any(sign in copied[1:] for sign in "+-*/^\\!") or copied == compact(gold):
        return False
    return copied in compact(question[:20_000])


def _is_number(node: Node) -> bool:
    inner = node.parts[0] if node.kind in ("neg", "group") else node
    return inner.kind == "num" or (inner.kind in ("neg", "group") and _is_number(inner))


def _to_work_out(tree: Node) -> bool:
    return any(node.kind in ("fn", "fact") and not node.symbols() for node in tree.walk())
