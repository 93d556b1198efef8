"""What several sets have in common: how a field of the hub's rows becomes one of the layout."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from r1rl.corpus.definition import Row

AIME = re.compile(r"(\d{4})_AIME_(II?)_Problems/Problem_(\d+)")


def aime_row(index: int, row: Row) -> Row:
    """A row of an AIME set. Year and number come from the address of the problem: ids of copies differ.

    >>> url = "https://artofproblemsolving.com/wiki/index.php/2024_AIME_I_Problems/Problem_8"
    >>> aime_row(0, {"id": 67, "problem": "…", "answer": "197", "url": url})["id"]
    'aime2024/I-8'
    """
    found = AIME.search(row.get("url") or "")
    place = "/".join((f"aime{found[1]}", f"{found[2]}-{found[3]}")) if found else f"aime/{row['id']}"
    return {"id": place, "problem": row["problem"], "answer": str(row["answer"]), "url": row.get("url")}


def gsm8k_row(split: str) -> Callable[[int, Row], Row]:
    """A row of GSM8K: the gold answer stands behind #### in the solution.

    >>> gsm8k_row("test")(3, {"question": "How much?", "answer": "1000 + 234 = 1234\\n#### 1,234"})
    {'id': 'gsm8k/test/3', 'problem': 'How much?', 'answer': '1234', 'solution': '1000 + 234 = 1234\\n#### 1,234'}
    """

    def row(index: int, row: Row) -> Row:
        gold = row["answer"].rpartition("####")[2].strip().replace(",", "")
        return {"id": f"gsm8k/{split}/{index}", "problem": row["question"], "answer": gold, "solution": row["answer"]}

    return row


def one_answer(answer: Any) -> Any:
    """The text of a list of one. A longer list stays a list: which of its texts is meant is not for us to guess.

    >>> one_answer(["2"]), one_answer("2"), one_answer(["2", "3"])
    ('2', '2', ['2', '3'])
    """
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def last_box(solution: str) -> str:
    r"""What the last \boxed{} of a solution holds; "" if there is none.

    >>> last_box(r"so $\boxed{3}$, in all \boxed{\frac{1}{2}}"), last_box("none")
    ('\\frac{1}{2}', '')
    """
    from r1rl.answer.extract import last_boxed

    return last_boxed(solution) or ""
