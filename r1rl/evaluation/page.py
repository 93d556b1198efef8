"""A report as Markdown and as one HTML page that needs nothing else: no scripts, no fonts, no addresses.

What a model wrote is hostile: it may hold tags, fences, control characters, or marks that turn the reading order round.
Every text passes through `visible` and then through the escaping of its format. The page's policy forbids scripts and
requests anyway, should an escape be forgotten.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from r1rl.evaluation.attempts import Attempt

MOST = 6_000  # characters of a transcript; of a longer one the middle is left out: the answer is at its end
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
pre { background: #f6f6f4; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere }
summary { cursor: pointer; margin: .3rem 0 } img { max-width: 100% } .lead { font-size: 1.15rem }
"""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table of texts.

    >>> Grid(title="Rates", header=("", "share"), rows=(("truncated", "1.2%"),)).rows[0][0]
    'truncated'
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a report says, in no format yet.

    >>> Page(title="aime2024", lead="28.9 points", grids=(), picture=b"", transcripts=()).title
    'aime2024'
    """

    title: str
    lead: str
    grids: tuple[Grid, ...]
    picture: bytes  # PNG
    transcripts: tuple[Attempt, ...]


def markdown(page: Page, picture: str) -> str:
    """The page as Markdown, its picture in the file of that name beside it."""
    blocks = [f"# {_md(page.title)}", _md(page.lead), f"![]({picture})"]
    for grid in page.grids:
        lines = [_md_row(grid.header), "|" + " --- |" * len(grid.header), *map(_md_row, grid.rows)]
        blocks += [f"## {_md(grid.title)}", "\n".join(lines)]
    blocks += ["## Transcripts"] if page.transcripts else []
    for attempt in page.transcripts:
        blocks += [f"### {_md(heading(attempt))}"]
        for name, text in parts(attempt):
            blocks += [f"{name}:", _fenced(text)]
    return "\n\n".join(blocks) + "\n"


def html(page: Page) -> str:
    """The page as a whole HTML document."""
    image = base64.b64encode(page.picture).decode()
    body = [
        f"<h1>{_html(page.title)}</h1>",
        f'<p class="lead">{_html(page.lead)}</p>',
        f'<img alt="growth with samples, problems, lengths, parts" src="data:image/png;base64,{image}">',
        *(f"<h2>{_html(grid.title)}</h2>{_html_table(grid)}" for grid in page.grids),
        *(["<h2>Transcripts</h2>"] if page.transcripts else []),
        *map(_html_transcript, page.transcripts),
    ]
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{_html(page.title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(body) + "\n</body></html>\n"


def heading(attempt: Attempt) -> str:
    cut = ", cut off" if attempt.finish == "length" else ""
    return f"{attempt.verdict.value}: {attempt.id} #{attempt.sample} ({attempt.tokens} tokens{cut})"


def parts(attempt: Attempt) -> list[tuple[str, str]]:
    """(name, text) of what a transcript shows."""
    said = "nothing" if attempt.said is None else attempt.said
    lenient = f"\nread leniently: {attempt.lenient.value}" if attempt.lenient else ""
    verdict = f"gold {attempt.answer}\nfound {said}\n{attempt.detail}".rstrip() + lenient
    return [("Question", attempt.question), ("Response", shortened(attempt.response)), ("Judged", verdict)]


def shortened(text: str) -> str:
    """The text, or its first and last thirds of MOST and what is missing between."""
    if len(text) <= MOST:
        return text
    first, last = MOST // 3, MOST - MOST // 3
    return f"{text[:first]}\n\n[… {len(text) - MOST:,} characters left out …]\n\n{text[-last:]}"


def visible(text: str) -> str:
    """The text with every character that acts instead of showing replaced by its code: <U+202E>.

    >>> visible("a\\x00b")
    'a<U+0000>b'
    """
    return "".join(c if c.isprintable() or c in "\n\t" or c.isspace() else f"<U+{ord(c):04X}>" for c in _lines(text))


def _lines(text: str) -> str:
    """Line and paragraph separators of any kind as newlines."""
    return re.sub(r"\r\n?|[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]", "\n", text)


def _html(text: str) -> str:
    return escape(visible(text), quote=True)


def _html_table(grid: Grid) -> str:
    head = "".join(f"<th>{_html(cell)}</th>" for cell in grid.header)
    rows = "".join("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>\n" for row in grid.rows)
    return f"<table><tr>{head}</tr>\n{rows}</table>"


def _html_transcript(attempt: Attempt) -> str:
    shown = "".join(f"<p>{name}</p><pre>{_html(text)}</pre>" for name, text in parts(attempt))
    return f"<details><summary>{_html(heading(attempt))}</summary>{shown}</details>"


def _md(text: str) -> str:
    """One line of plain text: no tags, links, images or cells of its own."""
    line = " ".join(visible(text).split())
    return re.sub(r"([\\`*_\[\]<>|!#~&])", r"\\\1", line)


def _md_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_md, cells)) + " |"


def _fenced(text: str) -> str:
    """A code block whose fence is longer than any inside."""
    text = visible(text)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"
