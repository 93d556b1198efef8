"""An evaluation's numbers and report without a word of the benchmark: python bench/publish.py EVALUATION FOLDER

Samples and transcripts hold questions and gold answers, which are no part of this repository. What is copied: results,
environment, and each suite's report with its picture and tables.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

from r1rl.evaluation.attempts import read_attempts
from r1rl.evaluation.page import html, markdown
from r1rl.evaluation.report import PICTURE, page_of
from r1rl.evaluation.results import RESULTS, SAMPLES, read_results, suites_in


def publish(evaluation: Path, folder: Path) -> None:
    """Writes folder/SUITE for every suite of an evaluation."""
    for suite, place in suites_in(evaluation).items():
        results = read_results(place)
        page = replace(page_of(results, list(read_attempts(place / SAMPLES))), transcripts=())
        target = folder / suite
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(place / RESULTS, target / RESULTS)
        (target / PICTURE).write_bytes(page.picture)
        (target / "report.md").write_text(markdown(page, PICTURE))
        (target / "report.html").write_text(html(page))
    environment = evaluation / "environment.json"
    if environment.is_file():
        shutil.copy(environment, folder / environment.name)


if __name__ == "__main__":
    publish(Path(sys.argv[1]), Path(sys.argv[2]))
