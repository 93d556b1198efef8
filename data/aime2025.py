r"""AIME 2025, both papers.

Copies of it differ: in one, backslashes were eaten ("\\frac" became a form feed and "rac").
"""

from r1rl.corpus.aime import aime

CORPUS = aime(
    2025,
    repo="yentinglin/aime_2025",
    revision="6f71d77b0b89b9dabe07ab466c51df33f514df7f",
    sha256="dd44b1a985ddce380ffc0b90df33e2a3e199ea4603aa67bf6d1f6e11990a3d43",
)
