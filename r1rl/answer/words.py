"""The words of answers: units, words that join, words that mean the same, and words that say nothing.

A unit behind a number may be left out or added; two different units never match ("5 km" is not "5 m"). A word that is
no unit but stands behind a number ("14 triangles") is only a noun: it says what is counted and is not compared.
"""
# ruff: noqa: SIM905 - a list of words reads better without a quotation mark around each

from __future__ import annotations

import re

UNITS = """
mm millimeter millimetre; cm centimeter centimetre; m meter metre; km kilometer kilometre kms; in inch inches;
ft foot feet; yd yard; mi mile; g gram; kg kilogram kgs; mg milligram; lb pound lbs; oz ounce; s second sec secs;
min minute mins; h hour hr hrs; day; week; month; year yr yrs; dollar usd buck; cent; euro eur; pound_sterling gbp;
yuan rmb cny; yen; rupee rs inr; l liter litre; ml milliliter millilitre; gallon gal; mph; kmh kph; rad radian; joule;
newton; watt; volt; pa pascal; hz hertz; acre; hectare ha; ton tonne; mol mole; person people; quart; pint; cup; dozen;
ohm; amp ampere; penny pence; nickel; dime; quarter
"""
UNIT = {alias: names.split()[0] for names in UNITS.split(";") for alias in names.split()}
SHORT_UNITS = {name for name in UNIT if 2 <= len(name) <= 3} - {"in", "pa", "ha"}
JOINING = {"and", "or"}
PERCENT = {"percent", "percentage", "pct"}
DEGREES = {"degree", "degrees", "deg"}
MULTIPLES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
SHORT_WORDS = {
    "yes",
    "no",
    "odd",
    "and",
    "or",
    "dne",
    "pct",
    "all",
    "not",
    "the",
    "is",
    "are",
    "for",
    "if",
    "red",
    "one",
}
PROSE = {"we", "We", "of", "our", "Our", "us"}  # short words in this case only: OF is a side of a triangle
# Words behind a number that change it, hedge or negate: such a text is not "a number and a noun".
SPOILING = set(
    """or and maybe perhaps not no nor either neither about around roughly approximately than plus minus times over
    squared cubed half third factorial hence but where with for if when unless except between from until mod modulo is
    are more less fewer least most up down below above possibly probably likely wait actually instead else otherwise
    base wrong incorrect false never nobody dozen quarter double triple""".split()
)
# Words around an answer that say nothing about it ("x > 5 is the solution").
FILLERS = set(
    """the a an is are was of that it this there in to be so therefore thus hence answer answers final we get have has
    our find found solution solutions value values result number equal equals equation inequality set given by then
    only""".split()
)
# Words that a name or a property may have with it or not: "Anna wins", "isosceles triangle", "on Tuesday".
OPTIONAL = set(
    "on at triangle function number player person win wins winner will can always has winning strategy".split()
)
HAVING = set("has gets got is was had receives".split())
ARTICLES = set("the a an is are was it this that there so therefore thus hence final answer answers".split())
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
TEENS = "thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
NUMERALS = {word: str(value) for value, word in enumerate([*NUMBERS, *TEENS])}
NUMERALS |= {
    f"{tens} {word}".strip(): str(value + extra)
    for tens, value in TENS.items()
    for extra, word in enumerate(["", *NUMBERS[1:10]])
}
MEANINGS = {
    "undefined": "dne, does not exist, doesn't exist, not defined, not exist, limit does not exist",
    "none": """no solution, no solutions, no real solution, no real solutions, no real roots, no roots, empty set,
        no such, no integer solutions, no such integers exist, no such numbers exist, impossible, not possible, nothing,
        no value, no values, no solution exists, no solutions exist""",
    "infinite": "infinitely many, infinitely many solutions, infinite solutions, infinite number solutions",
    "reals": "all real numbers, all reals, any real number",
}
SAME = {phrase.strip(): meaning for meaning, phrases in MEANINGS.items() for phrase in phrases.split(",")}


def key(text: str) -> str:
    r"""What a phrase says, without case, articles, full stops and LaTeX; "" if it holds anything but words.

    >>> key(r"\text{The answer is Yes.}"), key("no real solutions"), key(r"\text{DNE}"), key("x+1")
    ('yes', 'none', 'undefined', '')
    """
    text = re.sub(r"\\(?:text(?:bf|rm|it)?|mbox|mathrm|mathbf|textnormal)\s*\{([^{}]*)\}", r" \1 ", text)
    text = re.sub(r"\\(?:emptyset|varnothing)|\\\{\s*\\\}", " empty set ", text)
    text = re.sub(r"(?<=[a-z]{2})!+$", "", text.strip()).strip(" .,;:'\"{}()")
    if not re.fullmatch(r"[^\W\d_][^\W\d_,'.\s-]*(?:[\s,'.-]+[^\W\d_]+)*", text):
        return ""
    said = [
        word for word in re.findall(r"[^\W\d_](?:[\w']*\w)?", text) if word.lower() not in ARTICLES or len(text) == 1
    ]
    phrase = text if len(text) == 1 else " ".join(said).lower()  # the label of a choice: A is not a
    return SAME.get(phrase, phrase)


def gist(phrase: str) -> str:
    """A phrase of `key` without the words that may be left out.

    >>> gist("anna has winning strategy"), gist("isosceles triangle"), gist("triangle")
    ('anna', 'isosceles', 'triangle')
    """
    return " ".join(word for word in phrase.split() if word not in OPTIONAL) or phrase


CHOICES = re.compile(r"[A-H]{2,8}")


def listed(text: str) -> list[str]:
    r"""The members of a list that is nothing but words or labels of choices; [] for anything else.

    Sorted, but for yes and no, which answer one question after the other.

    >>> listed(r"\text{Bob and Alice}"), listed("B, A"), listed("AB"), listed("A and x+1")
    (['alice', 'bob'], ['A', 'B'], ['A', 'B'], [])
    """
    if not (any(joint in text for joint in (",", ";", "and")) or CHOICES.fullmatch(text)):
        return []
    text = re.sub(r"\\(?:text(?:bf|rm|it)?|mbox|mathrm)\s*\{([^{}]*)\}", r" \1 ", text)
    parts = re.split(r"\s*(?:,\s*and\b|,|;|\band\b)\s*", text.strip(" .$"))
    if CHOICES.fullmatch(text) and sorted(set(text)) == list(text):  # ABD: several choices
        parts = list(text)
    said = [key(part) for part in parts]
    said = said if {"yes", "no", "true", "false"} & set(said) else sorted(said)
    return said if len(said) > 1 and all(said) else []


def yes_or_no(text: str) -> str:
    r"""What a sentence that begins with yes or no answers, or "" if it is none or mentions both.

    >>> yes_or_no("No, she cannot."), yes_or_no(r"\text{Yes}"), yes_or_no("yes and no")
    ('no', 'yes', '')
    """
    text = re.sub(r"\\text\s*\{|[{}$]", "", text).strip().lower()
    said = re.match(r"(yes|no)(?=$|[.,;:!])", text)
    other = said and re.search(r"\byes\b" if said[1] == "no" else r"\bno\b", text)
    return said[1] if said and not other else ""


def unit(word: str) -> str:
    """The unit a word names, or "" if it is none.

    >>> unit("Inches"), unit("cents"), unit("km"), unit("apples")
    ('in', 'cent', 'km', '')
    """
    word = word.lower() if len(word) > 1 else word
    return UNIT.get(word) or UNIT.get(word.removesuffix("s"), "") if len(word) > 1 else UNIT.get(word, "")
