"""Judging one answer: names, options, sums, and whatever a reward does wrong."""

from fractions import Fraction
from pathlib import Path

import pytest

from r1rl.errors import UserError
from r1rl.judge import Answer, Part, RewardSpec, bind, prepare, resolve, score
from r1rl.rewards import format as form
from r1rl.rewards import number
from r1rl.types import Judgement, Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")
NASTY = Path(__file__).parent / "nasty.py"
RIGHT, OTHER = "<think>so</think><answer>42</answer>", "<think>so</think><answer>41</answer>"


def judged(text, *rewards, tokens=None):
    """The score of a text under rewards given as (name, function, weight)."""
    parts = [
        Part(name=name, fn=fn, weight=weight, options={}, fills=frozenset(fills))
        for name, fn, weight, *fills in rewards
    ]
    return score(parts, Answer(problem=SUM, text=text, tokens=tokens))


# Names.


def test_a_builtin_reward_is_the_function_itself():
    assert resolve("number:correct") is number.correct
    assert resolve("format:r1_zero") is form.r1_zero


def test_a_reward_of_the_users_own(monkeypatch):
    assert resolve(f"{NASTY}:judge")(SUM, RIGHT) is CORRECT
    monkeypatch.chdir(Path(NASTY).parent)
    assert resolve("nasty.py:judge")(SUM, OTHER) is WRONG


def test_two_files_of_one_name_do_not_mix(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(f"def which(problem, text):\n    return {name!r}\n")
    first, second = (resolve(f"{tmp_path}/{name}/mine.py:which") for name in ("a", "b"))
    assert (first(SUM, ""), second(SUM, "")) == ("a", "b")
    assert first.__module__ != second.__module__


@pytest.mark.parametrize(
    ("fn", "why", "instead"),
    [
        ("numbr:correct", "there is no file", "did you mean `number`?"),
        ("number:corect", "has no function `corect`", "did you mean `correct`?"),
        ("number:Fraction", "has no function `Fraction`", "correct"),
        ("number:", "has no function ``", "correct"),
        ("correct", "there is no file", "number"),
        ("", "there is no file", "number"),
        ("missing.py:judge", "there is no file missing.py", "module:function"),
    ],
)
def test_an_unknown_reward_is_the_users_error(fn, why, instead):
    with pytest.raises(UserError) as refused:
        resolve(fn)
    assert f"`{fn}`" in refused.value.what
    assert why in refused.value.why
    assert instead in refused.value.instead


@pytest.mark.parametrize("source", ["1 +", "import no_such_module", "raise RuntimeError('at import')"])
def test_a_file_that_cannot_be_imported_is_the_users_error(tmp_path, source):
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(UserError, match="cannot be imported") as refused:
        resolve(f"{tmp_path}/mine.py:judge")
    assert refused.value.__cause__ is not None


# One answer.


def test_a_score_is_the_weighted_sum_of_its_parts():
    rewards = [("number:correct", number.correct, 1.0), ("format:r1_zero", form.r1_zero, 0.5)]
    right = judged(RIGHT, *rewards)
    assert (right.value, right.verdict, right.detail) == (1.5, CORRECT, "")
    assert right.parts == {"number:correct": 1.0, "format:r1_zero": 1.0}
    assert judged(OTHER, *rewards).value == 0.5
    assert judged(OTHER, *rewards).verdict is WRONG
    assert judged("42", *rewards).parts == {"number:correct": 0.0, "format:r1_zero": 0.0}
    assert judged("42", *rewards).verdict is NO_ANSWER


def test_the_verdict_is_the_first_rewards():
    always, never = (lambda *_: CORRECT), (lambda *_: NO_ANSWER)
    assert judged("", ("a", always, 1.0), ("b", never, 1.0)).verdict is CORRECT
    assert judged("", ("b", never, 1.0), ("a", always, 1.0)).verdict is NO_ANSWER


@pytest.mark.parametrize("judgement", [1, 0.5, True, Fraction(1, 2)])
def test_any_finite_number_will_do_behind_the_first(judgement):
    scored = judged("", ("a", lambda *_: CORRECT, 0.0), ("b", lambda *_: judgement, 2.0))
    assert scored.value == 2 * float(judgement)
    assert type(scored.parts["b"]) is float


@pytest.mark.parametrize("judgement", [float("nan"), float("inf"), None, "correct", 1j, UNGRADABLE])
@pytest.mark.parametrize("place", [0, 1])
def test_a_judgement_that_is_none_cannot_be_graded(judgement, place):
    rewards = [("a", lambda *_: CORRECT, 1.0), ("b", lambda *_: CORRECT, 1.0)]
    rewards[place] = ("mine", lambda *_: judgement, 1.0)
    scored = judged(RIGHT, *rewards)
    assert scored.verdict is UNGRADABLE
    assert scored.detail.startswith("mine: ")


def test_the_first_reward_must_be_a_judge_of_right_and_wrong():
    scored = judged(RIGHT, ("format:r1_zero", form.r1_zero, 1.0))
    assert scored.verdict is UNGRADABLE
    assert "the first reward must return a Verdict" in scored.detail


@pytest.mark.parametrize("command", ["raise", "recurse", "timeout"])
def test_a_reward_that_raises_is_named(command):
    scored = judged(command, ("mine:judge", resolve(f"{NASTY}:judge"), 1.0))
    assert scored.verdict is UNGRADABLE
    assert scored.detail.startswith("mine:judge: ")


@pytest.mark.parametrize(("command", "stop"), [("leave", SystemExit), ("interrupt", KeyboardInterrupt)])
def test_who_asks_the_process_to_stop_is_heard(command, stop):
    with pytest.raises(stop):
        judged(command, ("mine:judge", resolve(f"{NASTY}:judge"), 1.0))


# Options.


def test_options_reach_the_function_and_what_it_names_is_filled_in(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from r1rl.types import Verdict\n"
        "def right(problem, text): return Verdict.CORRECT\n"
        "def short(problem, text, *, limit, tokens, verdict):\n"
        "    return float(tokens <= limit and verdict is Verdict.CORRECT)\n"
    )
    first = bind(RewardSpec(fn=f"{tmp_path}/mine.py:right"))
    short = bind(RewardSpec(fn=f"{tmp_path}/mine.py:short", options={"limit": 5}))
    values = [score([first, short], Answer(problem=SUM, text="", tokens=n)).parts[short.name] for n in (5, 6)]
    assert values == [1.0, 0.0]
    unknown = score([first, short], Answer(problem=SUM, text="", tokens=None))
    assert unknown.verdict is UNGRADABLE
    assert "tokens" in unknown.detail


@pytest.mark.parametrize("options", [{"limt": 5}, {}, {"limit": 5, "tokens": 3}])
def test_wrong_options_are_the_users_error(tmp_path, options):
    (tmp_path / "mine.py").write_text("def short(problem, text, *, limit, tokens): return 0.0\n")
    with pytest.raises(UserError, match="does not take the options"):
        bind(RewardSpec(fn=f"{tmp_path}/mine.py:short", options=options))


def test_a_module_may_get_ready_and_say_so(tmp_path):
    (tmp_path / "mine.py").write_text(
        "def prepare(*, limit): return f'ready for {limit}'\ndef short(problem, text, *, limit): return 0.0\n"
    )
    assert prepare(RewardSpec(fn=f"{tmp_path}/mine.py:short", options={"limit": 5})) == "ready for 5"
    assert prepare(RewardSpec(fn="number:correct")) == ""


def test_partial_credit_and_the_reason_are_kept():
    half = Judgement(verdict=WRONG, value=0.5, detail="1 of 2 cases")
    scored = judged("", ("code", lambda *_: half, 2.0))
    assert (scored.value, scored.verdict, scored.detail) == (1.0, WRONG, "1 of 2 cases")


def test_a_judge_that_cannot_grade_says_why():
    scored = judged("", ("mine", lambda *_: Judgement.of(UNGRADABLE, "the gold is empty"), 1.0))
    assert (scored.verdict, scored.detail) == (UNGRADABLE, "mine: the gold is empty")
