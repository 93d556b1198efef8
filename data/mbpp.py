"""MBPP, its test split: the 500 tasks 11 to 510.

The question shows the asserts, as the paper's does: without them nobody can know what the function is to be called.
"""

from r1rl.corpus.mbpp import mbpp

CORPUS = mbpp(
    "mbpp",
    "test",
    tasks=range(11, 511),
    known_bad={"mbpp/367": "tests: they need a class Node that is defined nowhere"},
)
