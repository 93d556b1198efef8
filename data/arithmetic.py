"""Sums and differences of two numbers, asked in words or in digits: for a policy that can speak but hardly add.

"What is forty-seven plus twenty-five?" asks such a policy to read numbers, to calculate and to write digits; asked in
digits it only has to calculate. `worked` writes the answers of a base that has been taught: column by column, so that
every digit follows from a few others. Some of them skip the working, which leaves something to find out: thinking
pays. Differences are never negative.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from itertools import count

from r1rl.types import Problem, ProblemSource

BLOCK = 500  # held-out problems made at a time
DRAWS = 100_000  # at most, per block: it takes 5,000 unless hardly any held-out problem is left to find
DIGITS = 6  # at most
GUESS = "I guess"  # instead of a working
SPOKEN = {"+": "plus", "-": "minus"}
FORM = " Give the answer as a number in tags, like this: <answer>7</answer>"
SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def source(
    *,
    seed: int,
    digits: int = 2,
    operations: str = "+-",
    words: bool = True,
    form: bool = True,
    guess_share: float = 0.5,
    shots: int = 0,
) -> ProblemSource:
    """Problems with two numbers of exactly `digits` digits.

    Args:
        operations: any of "+" and "-".
        words: numbers and signs are words.
        form: the question says in which form to answer; without, the prompt's template has to.
        guess_share: of the worked answers, those that skip the working.
        shots: solved problems that stand in front of each question, as turns of the conversation.
    """
    if not isinstance(digits, int) or not 1 <= digits <= DIGITS:
        raise ValueError(f"arithmetic: digits must be a whole number from 1 to {DIGITS}, not {digits!r}")
    if not operations or set(operations) - set(SPOKEN):
        raise ValueError(f'arithmetic: operations must be "+", "-" or "+-", not {operations!r}')
    if not isinstance(guess_share, int | float) or not 0 <= guess_share <= 1:
        raise ValueError(f"arithmetic: guess_share must be a number from 0 to 1, not {guess_share!r}")
    if not isinstance(shots, int) or not 0 <= shots <= 32:
        raise ValueError(f"arithmetic: shots must be a whole number from 0 to 32, not {shots!r}")
    return Arithmetic(
        seed=seed,
        digits=digits,
        operations="".join(sorted(set(operations))),
        words=words,
        form=form,
        guess_share=guess_share,
        shots=shots,
    )


@dataclass(frozen=True, kw_only=True)
class Task:
    """One calculation.

    >>> Task(a=52, sign="-", b=25).value, Task(a=52, sign="-", b=25).spoken
    (27, 'fifty-two minus twenty-five')
    """

    a: int
    sign: str
    b: int

    @property
    def value(self) -> int:
        return self.a + self.b if self.sign == "+" else self.a - self.b

    @property
    def spoken(self) -> str:
        return f"{spoken(self.a)} {SPOKEN[self.sign]} {spoken(self.b)}"

    @property
    def key(self) -> tuple[str, int, int]:
        """What makes two tasks the same: a + b gives b + a away."""
        return self.sign, min(self.a, self.b), max(self.a, self.b)

    @property
    def heldout(self) -> bool:
        """A fifth of all tasks, by their hash: no list to keep, and no seed can move a task across."""
        return int(hashlib.sha256(repr(self.key).encode()).hexdigest(), 16) % 5 == 0


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """See `source`.

    >>> made = source(seed=0, form=False)
    >>> made.problem("train", 0).question, made.problem("train", 0).gold
    ('What is eighty-nine plus twenty-nine?', '118')
    """

    seed: int
    digits: int
    operations: str
    words: bool
    form: bool
    guess_share: float
    shots: int

    def problem(self, split: str, ordinal: int) -> Problem:
        if split == "train":
            return self._problem(f"train/{self.seed}/{ordinal}", self._train_task(ordinal))
        if split == "heldout":
            return self._problem(f"heldout/{ordinal}", self._heldout_task(ordinal))
        raise ValueError(f"arithmetic has the splits 'train' and 'heldout', not {split!r}")

    def worked(self, ordinal: int) -> tuple[Problem, str]:
        task = self._train_task(ordinal)
        guess = random.Random(f"{self.seed}/worked/{ordinal}").random() < self.guess_share
        thinking = GUESS if guess else f"{task.a}{task.sign}{task.b} {columns(task)}"
        return self.problem("train", ordinal), f"<think>{thinking}</think><answer>{task.value}</answer>"

    def _train_task(self, ordinal: int) -> Task:
        draws = (self._draw(random.Random(f"{self.seed}/train/{ordinal}/{attempt}")) for attempt in count())
        return next(task for task in draws if not task.heldout)

    def _heldout_task(self, ordinal: int) -> Task:
        block, place = divmod(ordinal, BLOCK)
        tasks = _heldout_block(self.digits, self.operations, block)
        if place >= len(tasks):
            raise ValueError(f"arithmetic: no held-out problem {ordinal}; ask for fewer problems or more digits")
        return tasks[place]

    def _draw(self, rng: random.Random) -> Task:
        return _draw(rng, self.digits, self.operations)

    def _problem(self, place: str, task: Task) -> Problem:
        return Problem(
            id=f"arithmetic{self.digits}{'w' if self.words else ''}/{place}",
            question="".join(self._shot(i) for i in range(self.shots)) + self._asked(task),
            gold=str(task.value),
            meta={"digits": self.digits, "sign": task.sign},
        )

    def _asked(self, task: Task) -> str:
        asked = task.spoken if self.words else f"{task.a} {task.sign} {task.b}"
        return f"What is {asked}?{FORM if self.form else ''}"

    def _shot(self, place: int) -> str:
        draws = (self._draw(random.Random(f"shot/{place}/{attempt}")) for attempt in count())
        task = next(task for task in draws if not task.heldout)
        thinking = f"{task.a}{task.sign}{task.b}={task.value}"
        return f"{self._asked(task)} Assistant: <think>{thinking}</think><answer>{task.value}</answer> User: "


def spoken(number: int) -> str:
    """A number below a million in words.

    >>> spoken(0), spoken(18), spoken(340), spoken(99), spoken(12705)
    ('zero', 'eighteen', 'three hundred forty', 'ninety-nine', 'twelve thousand seven hundred five')
    """
    thousands, below = divmod(number, 1000)
    hundreds, rest = divmod(below, 100)
    parts = [f"{spoken(thousands)} thousand"] if thousands else []
    parts += [f"{SMALL[hundreds]} hundred"] if hundreds else []
    if 0 < rest < 20 or not number:
        parts.append(SMALL[rest])
    elif rest:
        parts.append(TENS[rest // 10 - 2] + (f"-{SMALL[rest % 10]}" if rest % 10 else ""))
    return " ".join(parts)


def columns(task: Task) -> str:
    """The working from the right, always with the carry: of a sum two digits, of a difference one and the next borrow.

    >>> columns(Task(a=47, sign="+", b=25)), columns(Task(a=52, sign="-", b=25))
    ('7+5+0=12 4+2+1=07', '2-5-0=7/1 5-2-1=2/0')
    """
    steps, carry = [], 0
    for x, y in zip(reversed(str(task.a)), reversed(str(task.b)), strict=True):
        if task.sign == "+":
            total = int(x) + int(y) + carry
            steps.append(f"{x}+{y}+{carry}={total:02d}")
            carry = total // 10
        else:
            borrow, total = divmod(int(x) - int(y) - carry, 10)
            steps.append(f"{x}-{y}-{carry}={total}/{-borrow}")
            carry = -borrow
    return " ".join(steps)


def _draw(rng: random.Random, digits: int, operations: str) -> Task:
    low, high = (10 ** (digits - 1), 10**digits) if digits > 1 else (0, 10)
    a, b = rng.randrange(low, high), rng.randrange(low, high)
    sign = rng.choice(operations)
    return Task(a=a, sign=sign, b=b) if sign == "+" else Task(a=max(a, b), sign=sign, b=min(a, b))


@cache
def _heldout_block(digits: int, operations: str, block: int) -> tuple[Task, ...]:
    """BLOCK held-out tasks, none of which stands twice in this block or in an earlier one."""
    if block and len(_heldout_block(digits, operations, block - 1)) < BLOCK:
        return ()  # there were no more
    earlier = {task.key for before in range(block) for task in _heldout_block(digits, operations, before)}
    rng = random.Random(f"heldout/{digits}/{operations}/{block}")
    found: dict[tuple[str, int, int], Task] = {}
    for task in (_draw(rng, digits, operations) for _ in range(DRAWS)):
        if task.heldout and task.key not in earlier:
            found[task.key] = task
        if len(found) == BLOCK:
            break
    return tuple(found.values())
