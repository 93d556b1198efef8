"""Answers in words, compared as words: sentences, names, lists of them, words with numbers in them."""

from __future__ import annotations

import re

from r1rl.answer import words


def agreement(gold: str, answer: str) -> str:
    r"""In what two answers in words agree, or "" if they do not, or are no words.

    >>> agreement(r"\text{Yes}", "Yes, it is."), agreement("3:30 p.m.", r"3:30 \text{ PM}"), agreement("x+1", "x+1")
    ('the same words', 'the same words and numbers', '')
    """
    said, other = words.key(gold), words.key(answer)
    if len(said) > 1 and said == other and _says_words(gold, answer):
        return "the same words"
    if len(said) > 1 and other and words.gist(said) == words.gist(other):
        return "the same words but for some that say nothing"
    if (members := words.listed(gold)) and members == words.listed(answer):
        return "the same words in a list"
    if "\\text" in gold + answer and _loose(gold) and _loose(gold) == _loose(answer):
        return "the same words and numbers"
    yes_or_no = words.yes_or_no(gold)
    if yes_or_no and yes_or_no == words.yes_or_no(answer) and yes_or_no in (said, other):
        return "the same word"
    return ""


def _says_words(gold: str, answer: str) -> bool:
    r"""Are these words, rather than the product of their letters? One \text{} is enough, or a word of four letters."""
    return any(
        "\\" in text or re.search("[a-zA-Z]{4}", text) or text.lower() in words.SHORT_WORDS for text in (gold, answer)
    )


def _loose(text: str) -> str:
    """Words with numbers in them ("3:30 p.m.", "2 hours and 5 min") without case and points; "" for formulas."""
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text.replace("{:}", ":").lower())
    if re.search(r"[\\{}^_=<>+*/()-]", text):
        return ""
    found = re.findall(r"[^\W\d_]+|\d+(?:[.:,]\d+)*|[^\s.,$]", text)
    return " ".join(words.unit(word) or word for word in found if word not in words.JOINING)
