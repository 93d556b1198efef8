"""Does the completion repeat itself? The n-gram penalty of arXiv:2502.03373 (appendix C.2) in its one-number form.

That form is the share of n-grams that stood before, as in the paper's code (get_repetition_penalty) and open-r1; the
paper itself also spreads it over the repeated tokens, for which a reward per completion has no place.
"""

import re
from itertools import islice

from r1rl.errors import UserError
from r1rl.types import Problem

# Scripts that write no spaces: Thai to Lao, Myanmar, Khmer, kana, Han.
UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# A word of an alphabet, a character of an unspaced script, or a sign. Longer words are cut: "hahaha…" is a loop, too.
WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]{{1,16}}|[^\w\s]")


def prepare(*, n: int = 20) -> None:
    """Raises UserError for an n that is no number of words."""
    if not isinstance(n, int) or n < 1:
        raise UserError(
            f"repetition:ngrams: n is {n!r}", "it is a number of words", "write 1 or more; 20 is the default"
        )


def ngrams(problem: Problem, completion: str, *, n: int = 20) -> float:
    """Minus the share of runs of n words that stood before, in the whole completion: 0 is none, near -1 a loop.

    Words are lower-cased; signs count as words, and so does each character of Chinese, Japanese or Thai. Below n words
    there is nothing to repeat: 0. Small n make honest mathematics pay: 50 solutions of MATH in a row, as long as a long
    chain of thought, get -0.50 for n = 3 (open-r1's), -0.11 for 8, -0.016 for 20 and -0.003 for 40 (the paper's).

    >>> any_problem = Problem(id="a", question="…", gold="12")
    >>> ngrams(any_problem, "No, wait. " * 25), ngrams(any_problem, "No, wait. 7 + 5 = 12")
    (-0.9506172839506173, 0.0)
    """
    prepare(n=n)
    numbers: dict[str, int] = {}
    words = [numbers.setdefault(word, len(numbers)) for word in WORD.findall(completion.lower())]
    if len(words) < n:
        return 0.0
    # Hashes, not the n-grams: of a megabyte they would fill gigabytes. Two of them meet by chance once in 2**64.
    seen = {hash(gram) for gram in zip(*(islice(words, start, None) for start in range(n)), strict=False)}
    return len(seen) / (len(words) - n + 1) - 1
