"""Does the policy think in the language it was asked for? The language consistency reward of DeepSeek-R1.

arXiv:2501.12948, section 2.3.2 (in version 2, eq. 7): the words of the target language over all words, in the chain of
thought, added to the other rewards. The paper does not say whose word a word is. Here:

A word is a run of letters of one script, or one character in scripts without spaces (Chinese, Japanese, Thai). Numbers,
names of variables (x, x1), of points (ABC) and of functions (sin) are no words, nor are Latin and Greek names in LaTeX
or code. A word in a script that the target language does not use is foreign. For Arabic, Greek, Hebrew, Hindi, Korean,
Russian and Thai that is all: what else is written in their script (Ukrainian, Persian, Marathi) passes.
Languages that share a script are told apart sentence by sentence, all words of a sentence alike: Japanese from Chinese
by its kana, Latin ones by their commonest words. A small table will do, because the question is only "this language or
not?", and it is asked of every sentence: py3langid (4.6 MB) takes 1 ms for one and finds 2% of GSM8K's not English.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from itertools import groupby

from r1rl.errors import UserError
from r1rl.types import Problem

SCRIPTS = {  # as in the Unicode names of their letters
    **{language: {"LATIN"} for language in ("de", "en", "es", "fr", "it", "nl", "pt")},
    **{"ar": {"ARABIC"}, "el": {"GREEK"}, "he": {"HEBREW"}, "hi": {"DEVANAGARI"}, "ko": {"HANGUL"}},
    **{"ja": {"CJK", "HIRAGANA", "KATAKANA"}, "ru": {"CYRILLIC"}, "th": {"THAI"}, "zh": {"CJK"}},
}
UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI"}
COMMONEST = {  # of two letters or more; left out of the others: what is a common English word, too (die, door, plus)
    "de": "der das und ist nicht ein eine einen wir ich es auf für mit sich den dem des von zu im dann wenn dass wie "
    "sind wird auch aber oder nur noch durch bei aus er sie wo werden hat zum zur",
    "en": "the of and is to in that we it for so this with are be as on if then have can he she they not but or has "
    "from there will each which how by at let her his was were need their would do does its an all my you what than",
    "es": "el la los las de es que en un una se por para no si del al como lo su más entonces hay pero ser está cada "
    "tiene este esta también son con",
    "fr": "le la les de et est que un une des en du dans on il elle nous par avec sur ne pas donc si ce qui sont au "
    "aux cette ou je mais être chaque alors",
    "it": "il la le di che un una in si non del della dei lo gli da sono più se quindi al allora ma questo questa "
    "anche ha ogni essere abbiamo nel alla con",
    "nl": "de het een en is dat in we te niet op voor met zijn er dus als dan aan ook maar of bij naar wordt elke hij "
    "heeft dit wat kan deze hebben",
    "pt": "os de que em um uma se para não do da dos das no na como são mais então mas ou ser cada tem este esta "
    "também ao pelo por com",
}
COMMON = {language: frozenset(words.split()) for language, words in COMMONEST.items()}
SYMBOL = re.compile(".|[A-Z]{2,4}|(?:arc)?(?:sin|cos|tan)|cot|sec|csc|log|ln|exp|lim|mod|gcd|lcm|max|min|det")
ENOUGH = 8  # words: hardly a sentence of that length does without one of the commonest

FORMULA = re.compile(
    r"""```.*?``` | `[^`\n]+` | \$\$.*?\$\$ | \$(?!\s)[^$\n]*(?<!\s)\$(?!\d)   # but "$5 for two, $9 for four" is prose
    | \\\( [^\\]* (?: \\[^()] [^\\]* )* \\\) | \\\[ [^\\]* (?: \\[^\[\]] [^\\]* )* \\\]
    | \\(?:begin|end)\{\w+\*?\} | \\[A-Za-z]+ | </?(?:think|answer)>""",
    re.VERBOSE | re.DOTALL,
)
# Names in a formula; but five words in a row are prose, or else thoughts in another language would move into code.
NAMES = re.compile(r"((?:[^\W\d_]{2,30}+[ ,]{1,3}){4,}[^\W\d_]{2,30})|[A-Za-z\u00c0-\u024f\u0370-\u03ff]")
STYLED = re.compile("[\uff01-\uffef\U0001d400-\U0001d7ff]+")  # not NFKC for all: it makes eighteen letters of one ﷺ
SENTENCE_END = re.compile(r"[.!?;:\n。！？；：।؟]+")
Word = tuple[str, str]  # (letters, script)


def prepare(*, language: str = "en") -> None:
    """Raises UserError for a language that nobody here can recognise."""
    if language not in SCRIPTS:
        raise UserError(
            f"language:consistency does not know the language {language!r}",
            "it tells languages by their script and commonest words",
            f"write one of {', '.join(sorted(SCRIPTS))}, or add it to the tables in rewards/language.py",
        )


def consistency(problem: Problem, completion: str, *, language: str = "en") -> float:
    """The share of the chain of thought's words that are in the language (ISO 639-1), from 0 to 1.

    The chain of thought is what stands before the last `</think>`; without one, before `<answer>`, or else everything.
    One without a word gets 0: otherwise to think nothing, or in bare formulas, would be the safest way to a 1.

    >>> any_problem = Problem(id="a", question="…", gold="12")
    >>> consistency(any_problem, "<think>The sum of 7 and 5 is 12. 所以是</think> 十二")
    0.625
    """
    prepare(language=language)
    ours, total, spoken = 0, 0, True
    for words in _sentences(_thinking(completion)):
        spoken = _is_spoken(words, language, spoken)
        ours += sum(script in SCRIPTS[language] for _, script in words) if spoken else 0
        total += len(words)
    return ours / total if total else 0.0


def _is_spoken(words: list[Word], language: str, before: bool) -> bool:
    """Is the sentence in this language, as far as its own script tells? If it is too short to tell: what was before."""
    if language == "zh":
        return not _has_kana(words)
    if language == "ja":
        return _has_kana(words) or (before and len(words) < ENOUGH)
    if language not in COMMON:
        return True
    latin = [letters.casefold() for letters, script in words if script == "LATIN"]
    hits = {name: sum(word in common for word in latin) for name, common in COMMON.items()}
    if not any(hits.values()):
        return before and len(latin) < ENOUGH
    return hits[language] == max(hits.values())


def _has_kana(words: list[Word]) -> bool:
    """Enough kana for Japanese, which has more kana than Han characters; a の alone is a fashion in Chinese."""
    scripts = [script for _, script in words]
    return 5 * (scripts.count("HIRAGANA") + scripts.count("KATAKANA")) > scripts.count("CJK")


def _thinking(completion: str) -> str:
    thinking, end, _ = completion.rpartition("</think>")
    return thinking if end else completion.partition("<answer>")[0]


def _sentences(text: str) -> Iterator[list[Word]]:
    """The words of each sentence that has any.

    >>> list(_sentences("Let $x=ab$ be 3. 因为x=3！"))
    [[('Let', 'LATIN'), ('be', 'LATIN')], [('因', 'CJK'), ('为', 'CJK')]]
    """
    plain = FORMULA.sub(lambda formula: NAMES.sub(lambda name: name[1] or " ", formula.group()), text)
    for sentence in SENTENCE_END.split(_bare(plain)):
        words = [word for token in re.findall(r"\w+", sentence) for word in _words(token)]
        if words:
            yield words


def _bare(text: str) -> str:
    """Full-width and mathematical letters as plain ones; no separate accents (Hindi vowels), no invisible joiners."""
    if text.isascii():
        return text
    composed = unicodedata.normalize("NFC", STYLED.sub(lambda run: unicodedata.normalize("NFKC", run.group()), text))
    return "".join(char for char in composed if unicodedata.category(char)[0] not in "MC")


def _words(token: str) -> Iterator[Word]:
    """What a run of letters and digits holds: "共5个" two words, "x축" one, "x1" none."""
    is_name = not token.isalpha()
    for script, group in groupby(token, _script):
        letters = "".join(group)
        if script in UNSPACED:
            yield from ((char, script) for char in letters)
        elif script not in ("LATIN", "GREEK"):
            yield from [(letters, script)] if letters.isalpha() else []
        elif not (is_name or SYMBOL.fullmatch(letters)):
            yield letters, script


@cache
def _script(char: str) -> str:
    """The first word of a character's Unicode name: "LATIN", "CJK", "KATAKANA"; of digits, "DIGIT"."""
    return re.split("[ -]", unicodedata.name(char, "?"))[0]
