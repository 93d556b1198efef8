r"""Cleans the written form of an answer: what differs only on paper is the same text afterwards.

Dollars, \left and \right, thin spaces, full-width and Arabic digits, thousands separators, a full stop at the end.
Nothing here may change what an answer means: in particular no letter and no word is ever removed but "the answer is".
"""
# ruff: noqa: SIM905 - a list of words reads better without a quotation mark around each

from __future__ import annotations

import re
import unicodedata

LONGEST = 2000  # characters of an answer that anyone will try to read; longer ones are only compared as text
LOOKALIKES = dict(zip("−–—‐＋－．，／（）：；＝％。、∗’′\xa0\u2009\u202f", "----+-.,/():;=%.,*''   ", strict=True))
NAMES = """× times ÷ div · cdot ⋅ cdot π pi ∞ infty ≤ le ≥ ge ≠ ne ≈ approx ∈ in ∪ cup ∩ cap ∅ emptyset ± pm ∓ mp √ sqrt
α alpha β beta γ gamma δ delta θ theta λ lambda μ mu σ sigma φ varphi ω omega""".split()
LETTERS = dict(zip("ℝℤℕℚℂ", "RZNQC", strict=True))
WRITTEN = {"°": r"^\circ ", "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}"}
# Backslashes that some program took for its own: a form feed and "rac" was \frac.
EATEN = {"\x0crac": r"\frac", "\neq": r"\neq", "\right": r"\right", "\x07lpha": r"\alpha", "\x07ngle": r"\angle"}
EATEN |= {f"\x08{rest}": rf"\b{rest}" for rest in ("egin", "eta", "inom", "oxed", "mod", "ar{")}
EATEN |= {f"\t{rest}": rf"\t{rest}" for rest in ("imes", "heta", "riangle", "frac")}
SIGNS = {
    **LOOKALIKES,
    **{sign: f"\\{name} " for sign, name in zip(NAMES[::2], NAMES[1::2], strict=True)},
    **{sign: rf"\mathbb{{{letter}}}" for sign, letter in LETTERS.items()},
    **WRITTEN,
    **EATEN,
    **dict.fromkeys("\u200b\ufeff", ""),
}
SIGN = re.compile("|".join(map(re.escape, sorted(SIGNS, key=len, reverse=True))))
DOUBLED = re.compile(
    r"\\\\(?=(?:[dt]?frac|sqrt|left|right|text|pi|infty|cup|leq?|geq?|neq?|pm|cdot|times|in|boxed)(?![a-z]))"
)
NOISE = re.compile(r"(?<!\\)\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|!)(?![a-zA-Z])")
SPACE = re.compile(r"(?<!\\)\\[,;:> ]|\\(?:enspace|hspace\{[^{}]*\}|space)(?![a-zA-Z])|~|\s+")
THOUSANDS = re.compile(r"(?<=\d)(?:\s*\{,\s*\}|,\\!|\\[,!:; ]|\\ )\s*(?=\d{3}(?!\d))")
COMMAS = re.compile(r"(?P<before>[^,\d\[({]*)(?P<number>\d{1,3}(?:[, ]\d{3})+)(?P<after>(?:\.\d+)?[^,\d\])}]*)")
PART = re.compile(r"(?:(?<=[,;])|^)\s*(?:\\text\s*\{\s*)?\((?:[a-e]|i{1,3}|iv|[1-5])\)\s*\}?[:\s]*(?=[^\s,;)])")
LEAD = re.compile(r"(?i)(?:so |thus |therefore )?(?:the )?(?:final )?answers?(?: is| are)?\s*[:=]?\s+(?=\S)")
PRICE = re.compile(r"(?P<number>\d[\d., ]*)(?P<sign>\\\$|€|£)")
ROW = re.compile(
    r"[\s$]*(?:[\[(](?P<row>[^\[\]()]*,[^\[\]()]*)[\])]|\\begin\{[pb]matrix\}(?P<cells>[^\\{}]*)\\end\{[pb]matrix\})"
    r"\s*\^\s*(?:T|\{\s*(?:T|\\top|\\intercal)\s*\}|\\top|\\intercal)[\s$.]*"
)
JOINED = re.compile(r"(?<=\d)(or|and)(?=[A-Z(\d])")  # W(x)=1orW(x)=2
INDICES = re.compile(r"_\{(\d), ?(\d)\}")  # x_{1,2}
NEARLY = re.compile(r"\A[\s$]*\\approx(?![a-zA-Z])")
TAIL = " \t\n.,;:!"


def clean(text: str) -> str:
    r"""The answer without what only the paper needs.

    >>> clean(r"$\left( 1,\!000 , \dfrac12 \right)$."), clean("４２．"), clean(r"1\,000"), clean("7,425,000")
    ('( 1000 , \\dfrac12 )', '42', '1000', '7425000')
    """
    text = _ascii(text)
    if "\\begin" not in text:  # where a double backslash ends a row
        text = DOUBLED.sub(lambda _: "\\", text)
    text = INDICES.sub(r"_{\1\2}", JOINED.sub(r" \1 ", NEARLY.sub("", text))).replace("{:}", ":")
    if "^" in text and (row := ROW.fullmatch(text)):  # a column written as a row with a T
        text = f"({row['row'] or row['cells'].replace('&', ',')})"
    text = THOUSANDS.sub("", text).replace(r"\$", "\0")
    for wrapper in ("$", r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(wrapper, " ") if wrapper == "$" or "\\begin" not in text else text
    text = SPACE.sub(" ", NOISE.sub("", text)).replace("\0", r"\$")
    text = LEAD.sub("", text.strip(), count=1) if LEAD.match(text.strip()) else text
    text = _tail(text.strip().strip("*").strip())
    if price := PRICE.fullmatch(text):  # 5 €, as half of Europe writes it
        text = price["sign"] + price["number"].strip()
    if len(PART.findall(text)) > 1:  # "(a) 3, (b) 5"
        text = PART.sub("", text)
    whole = COMMAS.fullmatch(text)
    return whole["before"] + re.sub("[, ]", "", whole["number"]) + whole["after"] if whole else text


def compact(text: str) -> str:
    r"""The form in which two texts are the same answer without anyone reading them.

    >>> compact(r"\dfrac{1}{2} x") == compact(r"\tfrac{1}{2}x"), compact("AB") == compact("ab")
    (True, False)
    """
    return re.sub(r"\\[dtc]frac", r"\\frac", re.sub(r"\s+(?!\d)|(?<!\d)\s+", "", clean(text)))


def balanced(text: str) -> bool:
    r"""Are the braces of a text balanced?

    >>> balanced(r"\{\frac{1}{2}\}"), balanced(r"\frac{1}{2")
    (True, False)
    """
    depth = 0
    for brace in re.findall(r"\\.|[{}]", text, re.DOTALL):
        depth += {"{": 1, "}": -1}.get(brace, 0)
        if depth < 0:
            return False
    return depth == 0


def _ascii(text: str) -> str:
    if text.isascii() and not any(char in text for char in "\x0c\x08\x07\t\n\r"):
        return text
    text = SIGN.sub(lambda match: SIGNS[match.group()], text)
    return "".join(str(unicodedata.decimal(char, char)) if not char.isascii() else char for char in text)


def _tail(text: str) -> str:
    while text and (text[-1] in TAIL or text.endswith("\\\\")):
        if text[-1] == "!" or text.endswith(("\\.", "\\,")):  # a factorial; the end of a LaTeX space
            break
        text = text[:-1] if text[-1] in TAIL else text[:-2]
    return text
