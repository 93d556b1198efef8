"""The judge pool: whatever a reward does, every other answer keeps its verdict and nothing hangs or raises."""

import os
import time
from fractions import Fraction
from pathlib import Path

import pytest

from r1rl.errors import UserError
from r1rl.reward import CHUNK, JudgePool, resolve, score
from r1rl.rewards import format as form
from r1rl.rewards import number
from r1rl.types import Group, Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")
RIGHT, OTHER = "<think>so</think><answer>42</answer>", "<think>so</think><answer>41</answer>"

# A judge that misbehaves on command: each answer says what is to happen.
NASTY = """
import os, re, time
from dataclasses import dataclass
from r1rl.rewards import number

@dataclass
class Timeout(BaseException):
    seconds: float = 1.0

def judge(problem, text):
    command, _, argument = text.partition(" ")
    if command == "pid":
        open(argument, "a").write(f"{os.getpid()}\\n")
    if command == "hang":
        while True:
            time.sleep(0.01)
    if command == "hold":
        open(argument, "w").write(str(os.getpid()))
        re.match("(a+)+$", "a" * 64 + "b")
    if command == "sleep":
        time.sleep(float(argument))
        return number.correct(problem, "<answer>42</answer>")
    if command == "crash":
        os._exit(11)
    if command == "leave":
        raise SystemExit
    if command == "interrupt":
        raise KeyboardInterrupt
    if command == "raise":
        raise ValueError("no such thing")
    if command == "recurse":
        return judge(problem, text)
    if command == "timeout":
        raise Timeout()
    if command == "hoard":
        return len(bytearray(6 << 30))
    if command == "nan":
        return float("nan")
    if command == "text":
        return "correct"
    return number.correct(problem, text)

def nan(problem, text):
    return float("nan") if text == "nan" else 1.0
"""


@pytest.fixture(scope="module")
def nasty(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("rewards") / "nasty.py"
    path.write_text(NASTY)
    return str(path)


@pytest.fixture(scope="module")
def ray():
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def pool(ray, nasty):
    pool = JudgePool([(f"{nasty}:judge", 1.0)], workers=2, deadline_s=1.0)
    yield pool
    pool.close()


def group_of(problem: Problem) -> Group:
    return Group(problem=problem, prompt_ids_T=(1,), completions_G=())


def score_all(pool: JudgePool, texts: list[str]) -> list:
    [scored] = pool.score_groups([group_of(SUM)], [texts])
    assert scored.texts_G == tuple(texts)
    return list(scored.scores_G)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(pid)


# Names.


def test_a_builtin_reward_is_the_function_itself():
    assert resolve("number:correct") is number.correct
    assert resolve("format:r1_zero") is form.r1_zero


def test_a_reward_of_the_users_own(nasty, monkeypatch):
    assert resolve(f"{nasty}:judge")(SUM, RIGHT) is CORRECT
    monkeypatch.chdir(Path(nasty).parent)
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
    right = score(rewards, SUM, RIGHT)
    assert (right.value, right.verdict, right.detail) == (1.5, CORRECT, "")
    assert right.parts == {"number:correct": 1.0, "format:r1_zero": 1.0}
    assert score(rewards, SUM, OTHER).value == 0.5
    assert score(rewards, SUM, OTHER).verdict is WRONG
    assert score(rewards, SUM, "42").parts == {"number:correct": 0.0, "format:r1_zero": 0.0}
    assert score(rewards, SUM, "42").verdict is NO_ANSWER


def test_the_verdict_is_the_first_rewards():
    always, never = (lambda *_: CORRECT), (lambda *_: NO_ANSWER)
    assert score([("a", always, 1.0), ("b", never, 1.0)], SUM, "").verdict is CORRECT
    assert score([("b", never, 1.0), ("a", always, 1.0)], SUM, "").verdict is NO_ANSWER


@pytest.mark.parametrize("judgement", [1, 0.5, True, Fraction(1, 2)])
def test_any_finite_number_will_do_behind_the_first(judgement):
    scored = score([("a", lambda *_: CORRECT, 0.0), ("b", lambda *_: judgement, 2.0)], SUM, "")
    assert scored.value == 2 * float(judgement)
    assert type(scored.parts["b"]) is float


@pytest.mark.parametrize("judgement", [float("nan"), float("inf"), None, "correct", 1j, UNGRADABLE])
@pytest.mark.parametrize("place", [0, 1])
def test_a_judgement_that_is_none_cannot_be_graded(judgement, place):
    rewards = [("a", lambda *_: CORRECT, 1.0), ("b", lambda *_: CORRECT, 1.0)]
    rewards[place] = ("mine", lambda *_: judgement, 1.0)
    scored = score(rewards, SUM, RIGHT)
    assert scored.verdict is UNGRADABLE
    assert scored.detail.startswith("mine: ")


def test_the_first_reward_must_be_a_judge_of_right_and_wrong():
    scored = score([("format:r1_zero", form.r1_zero, 1.0)], SUM, RIGHT)
    assert scored.verdict is UNGRADABLE
    assert "the first reward must return a Verdict" in scored.detail


@pytest.mark.parametrize("command", ["raise", "recurse", "timeout"])
def test_a_reward_that_raises_is_named(nasty, command):
    scored = score([("mine:judge", resolve(f"{nasty}:judge"), 1.0)], SUM, command)
    assert scored.verdict is UNGRADABLE
    assert scored.detail.startswith("mine:judge: ")


@pytest.mark.parametrize(("command", "stop"), [("leave", SystemExit), ("interrupt", KeyboardInterrupt)])
def test_who_asks_the_process_to_stop_is_heard(nasty, command, stop):
    with pytest.raises(stop):
        score([("mine:judge", resolve(f"{nasty}:judge"), 1.0)], SUM, command)


# The pool.


def test_a_typo_is_reported_before_any_process_starts():
    with pytest.raises(UserError, match="number:corect"):
        JudgePool([("number:correct", 1.0), ("number:corect", 1.0)], workers=1, deadline_s=1.0)


@pytest.mark.slow
def test_groups_come_back_in_their_order_with_their_own_scores(ray):
    with_builtin = JudgePool([("number:correct", 1.0), ("format:r1_zero", 0.5)], workers=2, deadline_s=5.0)
    problems = [Problem(id=str(n), question="", gold=str(n)) for n in range(40)]
    texts = [[f"<think>a</think><answer>{n if k % 2 else -1}</answer>" for k in range(n % 7)] for n in range(40)]
    groups = [group_of(problem) for problem in problems]
    scored = with_builtin.score_groups(groups, texts)
    assert [one.group for one in scored] == groups
    for n, one in enumerate(scored):
        assert one.texts_G == tuple(texts[n])
        assert [s.value for s in one.scores_G] == [1.5 if k % 2 else 0.5 for k in range(n % 7)]
    assert with_builtin.score_groups([], []) == []
    with pytest.raises(ValueError, match="zip"):
        with_builtin.score_groups(groups, texts[:-1])
    with_builtin.close()


@pytest.mark.slow
def test_one_bad_answer_costs_no_other_its_verdict(pool):
    bad = {
        "hang": "timeout after 1 s",
        "crash": "the judge process died",
        "leave": "the judge process died",
        "interrupt": "",
        "raise": "ValueError: no such thing",
        "recurse": "RecursionError",
        "timeout": "Timeout",
        "nan": "returned nan",
        "text": "returned 'correct'",
        "hoard": "MemoryError",
    }
    texts = [RIGHT if n % 3 else OTHER for n in range(200)]
    places = range(5, 200, 20)
    for place, command in zip(places, bad, strict=True):
        texts[place] = command
    scores = score_all(pool, texts)
    for place, note in zip(places, bad.values(), strict=True):
        assert scores[place].verdict is UNGRADABLE
        assert note in scores[place].detail
        assert scores[place].detail
    good = [(text, one.verdict) for text, one in zip(texts, scores, strict=True) if text in (RIGHT, OTHER)]
    assert len(good) == 190
    assert all(verdict is (CORRECT if text == RIGHT else WRONG) for text, verdict in good)
    assert [one.verdict for one in score_all(pool, [RIGHT, OTHER])] == [CORRECT, WRONG]


@pytest.mark.slow
def test_a_judge_that_holds_the_interpreter_lock_is_really_killed(pool, tmp_path):
    scores = score_all(pool, [f"hold {tmp_path}/pid", RIGHT])
    assert [one.verdict for one in scores] == [UNGRADABLE, CORRECT]
    assert_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_waiting_in_the_queue_does_not_count(ray, nasty, tmp_path):
    pool = JudgePool([(f"{nasty}:judge", 1.0)], workers=1, deadline_s=2.0)
    scores = score_all(pool, [f"pid {tmp_path}/pids"] + ["sleep 0.03"] * (CHUNK * 4 - 2) + [f"pid {tmp_path}/pids"])
    assert [one.verdict for one in scores[1:-1]] == [CORRECT] * (CHUNK * 4 - 2)
    first, last = (tmp_path / "pids").read_text().split()
    assert first == last  # nobody was killed
    pool.close()


@pytest.mark.slow
def test_a_slow_but_honest_chunk_keeps_its_verdicts(pool):
    scores = score_all(pool, ["sleep 0.05"] * CHUNK)
    assert [one.verdict for one in scores] == [CORRECT] * CHUNK


@pytest.mark.slow
def test_short_answers_cost_little(ray):
    pool = JudgePool([("number:correct", 1.0), ("format:r1_zero", 1.0)], workers=1, deadline_s=5.0)

    def seconds() -> float:
        start = time.perf_counter()
        score_all(pool, [RIGHT] * 256)
        return time.perf_counter() - start

    best = min(seconds() for _ in range(10))
    pool.close()
    assert best < 0.2  # 0.02 s on an idle machine


@pytest.mark.slow
def test_a_relative_path_is_found_by_judges_elsewhere(ray, nasty, monkeypatch):
    monkeypatch.chdir(Path(nasty).parent)
    pool = JudgePool([("nasty.py:judge", 1.0), ("nasty.py:nan", 1.0)], workers=1, deadline_s=5.0)
    right, bad = score_all(pool, [RIGHT, "nan"])
    assert right.parts == {"nasty.py:judge": 1.0, "nasty.py:nan": 1.0}
    assert bad.verdict is UNGRADABLE
    pool.close()


@pytest.mark.slow
def test_close_ends_the_processes(ray, nasty, tmp_path):
    pool = JudgePool([(f"{nasty}:judge", 1.0)], workers=2, deadline_s=5.0)
    score_all(pool, [f"pid {tmp_path}/pids"] * (CHUNK * 4))
    pids = {int(pid) for pid in (tmp_path / "pids").read_text().split()}
    assert pids
    assert os.getpid() not in pids
    pool.close()
    for pid in pids:
        assert_gone(pid)
    pool.close()
