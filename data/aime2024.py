"""AIME 2024, both papers.

Copies of it differ: one that is widely used has 480 for problem 8 of the first paper, where 197 is right.
"""

from r1rl.corpus.aime import aime

CORPUS = aime(
    2024,
    repo="HuggingFaceH4/aime_2024",
    revision="2fe88a2f1091d5048c0f36abc874fb997b3dd99a",
    sha256="91d04c812a4999f054781c552b32ff6c9fe65e4d2e27770c5bc02ba5d80b7be4",
)
