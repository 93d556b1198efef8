"""The judge pool: whatever a reward does, every other answer keeps its verdict and nothing hangs or raises."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from r1rl.errors import RunError, UserError
from r1rl.judge import Answer, RewardSpec
from r1rl.reward import CHUNK, JudgePool
from r1rl.types import Completion, Group, Problem, Verdict

CORRECT, WRONG, NO_ANSWER, UNGRADABLE = Verdict.CORRECT, Verdict.WRONG, Verdict.NO_ANSWER, Verdict.UNGRADABLE
SUM = Problem(id="sum", question="21 + 21 = ?", gold="42")
NASTY = Path(__file__).parent / "nasty.py"
RIGHT, OTHER = "<think>so</think><answer>42</answer>", "<think>so</think><answer>41</answer>"


@pytest.fixture
def pool():
    pool = JudgePool([RewardSpec(fn=f"{NASTY}:judge")], workers=2, deadline_s=1.0)
    yield pool
    pool.close()


def group_of(problem: Problem, answers: int) -> Group:
    completion = Completion(token_ids_T=(1, 2), logprobs_T=(0.0, 0.0), finish="stop", version=0)
    return Group(problem=problem, prompt_ids_T=(1,), completions_G=(completion,) * answers)


def score_all(pool: JudgePool, texts: list[str]) -> list:
    return pool.judge([Answer(problem=SUM, text=text, tokens=len(text)) for text in texts])


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


def test_a_typo_is_reported_before_any_process_starts():
    with pytest.raises(UserError, match="number:corect"):
        JudgePool(
            [RewardSpec(fn="number:correct"), RewardSpec(fn="number:corect")],
            workers=1,
            deadline_s=1.0,
        )


def test_groups_come_back_in_their_order_with_their_own_scores():
    with_builtin = JudgePool(
        [RewardSpec(fn="number:correct"), RewardSpec(fn="format:r1_zero", weight=0.5)],
        workers=2,
        deadline_s=5.0,
    )
    problems = [Problem(id=str(n), question="", gold=str(n)) for n in range(40)]
    texts = [[f"<think>a</think><answer>{n if k % 2 else -1}</answer>" for k in range(n % 7)] for n in range(40)]
    groups = [group_of(problem, n % 7) for n, problem in enumerate(problems)]
    scored = with_builtin.score_groups(groups, texts)
    assert [one.group for one in scored] == groups
    for n, one in enumerate(scored):
        assert one.texts_G == tuple(texts[n])
        assert [s.value for s in one.scores_G] == [1.5 if k % 2 else 0.5 for k in range(n % 7)]
    assert with_builtin.score_groups([], []) == []
    with pytest.raises(ValueError, match="zip"):
        with_builtin.score_groups(groups, texts[:-1])
    with_builtin.close()


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


def test_a_judge_that_holds_the_interpreter_lock_is_really_killed(pool, tmp_path):
    scores = score_all(pool, [f"hold {tmp_path}/pid", RIGHT])
    assert [one.verdict for one in scores] == [UNGRADABLE, CORRECT]
    assert_gone(int((tmp_path / "pid").read_text()))


def test_waiting_in_the_queue_does_not_count(tmp_path):
    pool = JudgePool([RewardSpec(fn=f"{NASTY}:judge")], workers=1, deadline_s=2.0)
    scores = score_all(pool, [f"pid {tmp_path}/pids"] + ["sleep 0.03"] * (CHUNK * 4 - 2) + [f"pid {tmp_path}/pids"])
    assert [one.verdict for one in scores[1:-1]] == [CORRECT] * (CHUNK * 4 - 2)
    first, last = (tmp_path / "pids").read_text().split()
    assert first == last  # nobody was killed
    pool.close()


def test_a_slow_but_honest_chunk_keeps_its_verdicts(pool):
    scores = score_all(pool, ["sleep 0.05"] * CHUNK)
    assert [one.verdict for one in scores] == [CORRECT] * CHUNK


def test_a_relative_path_is_found_by_judges_elsewhere(monkeypatch):
    monkeypatch.chdir(NASTY.parent)
    pool = JudgePool(
        [RewardSpec(fn="nasty.py:judge"), RewardSpec(fn="nasty.py:nan")],
        workers=1,
        deadline_s=5.0,
    )
    right, bad = score_all(pool, [RIGHT, "nan"])
    assert right.parts == {"nasty.py:judge": 1.0, "nasty.py:nan": 1.0}
    assert bad.verdict is UNGRADABLE
    pool.close()


def test_close_ends_the_processes(tmp_path):
    pool = JudgePool([RewardSpec(fn=f"{NASTY}:judge")], workers=2, deadline_s=5.0)
    score_all(pool, [f"pid {tmp_path}/pids"] * (CHUNK * 4))
    pids = {int(pid) for pid in (tmp_path / "pids").read_text().split()}
    assert pids
    assert os.getpid() not in pids
    pool.close()
    for pid in pids:
        assert_gone(pid)
    pool.close()


def test_a_pool_works_in_any_thread_and_event_loop(pool):
    found = []
    thread = threading.Thread(target=lambda: found.append(score_all(pool, ["hang", RIGHT])))
    thread.start()
    answers = [Answer(problem=SUM, text=text, tokens=None) for text in (OTHER, "hang", RIGHT)]
    looped = asyncio.run(pool.judge_async(answers))
    thread.join()
    assert [one.verdict for one in found[0]] == [UNGRADABLE, CORRECT]
    assert [one.verdict for one in looped] == [WRONG, UNGRADABLE, CORRECT]


def test_the_callers_alarm_is_left_alone(pool):
    before = signal.getsignal(signal.SIGALRM)
    score_all(pool, [RIGHT, "hang"])
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_judge_whose_memory_has_grown_is_replaced(tmp_path):
    large = b"x" * (1100 << 20)  # of this process: a judge must not count it
    pool = JudgePool([RewardSpec(fn=f"{NASTY}:judge")], workers=1, deadline_s=20.0)
    before, after = f"pid {tmp_path}/before", f"pid {tmp_path}/after"
    scores = [score_all(pool, [text])[0] for text in (before, before, "grow", after)]
    assert scores[2].verdict is CORRECT
    pool.close()
    first, second = (tmp_path / "before").read_text().split()
    assert first == second
    assert (tmp_path / "after").read_text().split() != [first]
    assert large


def test_a_module_that_refuses_to_get_ready_is_the_users_error_and_what_it_says_is_kept(tmp_path):
    ready = "def judge(problem, text): ...\n" + "def prepare():\n    "
    (tmp_path / "fine.py").write_text(ready + "return 'all set'\n")
    pool = JudgePool([RewardSpec(fn=f"{tmp_path}/fine.py:judge")], workers=2, deadline_s=5.0)
    assert pool.says == ["all set"]
    pool.close()
    (tmp_path / "refuses.py").write_text(
        "from r1rl.errors import UserError\n" + ready + "raise UserError('no sandbox', 'it is unsafe', 'allow it')\n"
    )
    with pytest.raises(UserError, match="no sandbox"):
        JudgePool([RewardSpec(fn=f"{tmp_path}/refuses.py:judge")], workers=2, deadline_s=5.0)
    (tmp_path / "crashes.py").write_text(ready + "import os; os._exit(1)\n")
    with pytest.raises(RunError, match="did not start: the judge process died"):
        JudgePool([RewardSpec(fn=f"{tmp_path}/crashes.py:judge")], workers=2, deadline_s=5.0)


def test_judges_die_with_a_driver_that_is_killed(tmp_path):
    script = (
        "import os, signal\nfrom r1rl.judge import *\nfrom r1rl.reward import JudgePool\n"
        f"pool = JudgePool([RewardSpec(fn='{NASTY}:judge')], 1, 60.0)\n"
        "p = Problem(id='a', question='', gold='42')\n"
        f"pool.judge([Answer(problem=p, text='pid {tmp_path}/pid', tokens=None)])\n"
        "import threading; threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()\n"
        f"pool.judge([Answer(problem=p, text='hold {tmp_path}/held', tokens=None)])\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.slow
def test_a_pool_works_in_a_ray_actor(ray_session, tmp_path):
    import ray

    class Holder:
        def judge(self, texts):
            pool = JudgePool([RewardSpec(fn=f"{NASTY}:judge")], workers=1, deadline_s=1.0)
            scores = score_all(pool, texts)
            pool.close()
            return [one.verdict for one in scores]

    holder = ray.remote(Holder).options(num_cpus=0).remote()
    texts = [f"pid {tmp_path}/pid", RIGHT, "hang", OTHER, "crash"]
    verdicts = ray.get(holder.judge.remote(texts), timeout=60)
    assert verdicts == [NO_ANSWER, CORRECT, UNGRADABLE, WRONG, UNGRADABLE]
    ray.kill(holder)
    assert_gone(int((tmp_path / "pid").read_text()))
