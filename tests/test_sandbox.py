"""The sandbox's tiers, and what is left when it or its judge dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from r1rl.errors import UserError
from r1rl.sandbox import run, tiers
from r1rl.sandbox.child import Limits
from r1rl.sandbox.client import SandboxError, Zygote
from r1rl.sandbox.run import Kind
from r1rl.sandbox.zygote import CONFINED, NAMESPACES, UNSAFE
from tests.kernel import TIERS, needs, refuses

LIMITS = Limits(seconds=5, memory=512 << 20)


def program(zygote: Zygote, source: str, stdin: bytes = b"", seconds: float = 8.0) -> run.Outcome:
    return run.program(zygote, source, stdin, LIMITS, time.monotonic() + seconds)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def descendants(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            child = int(stat.parent.name)
            found += [child, *descendants(child)]
    return found


def soon(condition) -> bool:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


# Walls.


def test_the_best_tier_that_the_kernel_allows_is_found():
    assert tiers.best(allow_unsafe=True) == next((tier for tier in (NAMESPACES, CONFINED) if not refuses(tier)), UNSAFE)


@pytest.mark.parametrize("tier", TIERS)
def test_no_way_of_the_probe_leads_out(tier):
    zygote = Zygote(tier)
    assert tiers.probe(zygote) == []
    zygote.close()


def test_tier_1_hides_that_files_and_users_exist():
    needs(NAMESPACES)
    zygote = Zygote(NAMESPACES)
    paths = ["/etc/passwd", "/proc", "/sys", "/home", "/root/.ssh", "/tmp", str(Path(__file__).parent)]
    seen = program(zygote, f"import os\nprint([p for p in {paths!r} if os.path.exists(p)], os.getuid(), os.getppid())")
    zygote.close()
    assert seen.stdout == b"[] 65534 1\n"


def test_the_probe_finds_the_holes_of_a_zygote_without_walls():
    zygote = Zygote(UNSAFE)
    assert "read a file" in tiers.probe(zygote)
    zygote.close()


EMULATION = """
import sys; sys.path.insert(0, {root!r})
import os
open("/proc/sys/user/max_user_namespaces", "w").write("0")
from r1rl.rewards import code
from r1rl.types import Problem
print(code.prepare())
tests = {{"kind": "stdio", "cases": [{{"input": "", "output": "42"}}]}}
problem = Problem(id="a", question="", gold="", meta={{"tests": tests}})
answer = lambda text: code.correct(problem, f"```python\\n{{text}}\\n```")
print(answer("print(42)").verdict, answer("open('/etc/passwd'); print(42)").detail)
"""


@pytest.mark.skipif(subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode, reason="no unshare")
def test_without_user_namespaces_tier_2_is_found_and_holds():
    needs(CONFINED)
    script = EMULATION.format(root=str(Path(__file__).parents[1]))
    ran = subprocess.run(["unshare", "-Ur", sys.executable, "-c", script], capture_output=True, text=True)
    assert "tier 2" in ran.stdout, ran.stderr
    assert "correct" in ran.stdout
    assert "PermissionError" in ran.stdout


def test_without_any_sandbox_nothing_runs_unless_allowed(monkeypatch):
    monkeypatch.setattr(tiers, "_best", (UNSAFE, ["tier 1: no", "tier 2: no"]))
    with pytest.raises(UserError, match="allow_unsafe"):
        tiers.best(allow_unsafe=False)
    assert tiers.best(allow_unsafe=True) == UNSAFE


# Life and death.

JUDGE = """
import sys, time; sys.path.insert(0, {root!r})
from r1rl.sandbox import run
from r1rl.sandbox.child import Limits
from r1rl.sandbox.client import Zygote
zygote = Zygote({tier})
zygote.spawn(Limits(seconds=60, memory=1 << 29), dict(do="stdio", source="while True: pass"), b"")
print("running", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("tier", TIERS)
def test_nothing_survives_a_judge_that_is_killed(tier):
    script = JUDGE.format(root=str(Path(__file__).parents[1]), tier=tier)
    judge = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert judge.stdout.readline() == b"running\n"
    assert soon(lambda: len(descendants(judge.pid)) >= 2)
    below = descendants(judge.pid)
    judge.kill()
    judge.wait()
    judge.stdout.close()
    assert soon(lambda: not any(map(alive, below)))


@pytest.mark.parametrize("tier", TIERS)
def test_a_zygote_that_dies_is_a_harness_failure_and_leaves_nothing(tier):
    zygote, below = Zygote(tier), []

    def kill():
        below.extend(descendants(zygote._process.pid))
        os.kill(zygote._process.pid, signal.SIGKILL)

    threading.Timer(0.3, kill).start()
    with pytest.raises(SandboxError):
        program(zygote, "while True: pass")
    zygote.close()
    assert below
    assert soon(lambda: not any(map(alive, below)))


@pytest.mark.parametrize("tier", TIERS)
def test_a_programs_limits_are_set_whoever_sets_them(tier):
    names = ("FSIZE", "CORE", "MSGQUEUE", "MEMLOCK", "NOFILE")
    zygote = Zygote(tier)
    seen = program(zygote, f"from resource import *\nprint(*[getrlimit(eval('RLIMIT_' + n)) for n in {names}])")
    zygote.close()
    assert seen.stdout == b"(0, 0) (0, 0) (0, 0) (0, 0) (64, 64)\n"


def test_a_programs_streams_are_its_own():
    """The zygote opened them, but on other files, and says nothing itself."""
    source = "import sys\nprint(sys.stdin.seekable(), sys.stdout.seekable(), sys.stdout.encoding, input())\nexit()"
    with tiers.zygote(tiers.best(allow_unsafe=False)) as zygote:
        for said in (b"a", b"b"):
            assert program(zygote, source, said).stdout == b"False False utf-8 " + said + b"\n"


def test_runs_leave_no_process_and_no_descriptor():
    with tiers.zygote(tiers.best(allow_unsafe=False)) as zygote:
        program(zygote, "pass")
        before, below = sorted(os.listdir("/proc/self/fd")), descendants(os.getpid())
        for source in ["print(1)", "import os; os._exit(1)", "while True: print('x' * 9999)", "x = 1 /", "input()"] * 4:
            program(zygote, source)
        assert sorted(os.listdir("/proc/self/fd")) == before
        assert descendants(os.getpid()) == below


def test_threads_and_forks_of_the_judge_do_not_meet():
    tier, kinds = tiers.best(allow_unsafe=False), []

    def work():
        with tiers.zygote(tier) as zygote:
            kinds.extend(program(zygote, "print(input())", b"x").kind for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kinds == [Kind.OK] * 15
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(kinds[15:] != [Kind.OK] * 5)
    assert os.waitpid(pid, 0)[1] == 0
    work()
    assert kinds[15:] == [Kind.OK] * 5
