"""Programs that try to get out of the sandbox. Each prints `out` if it did what it must not be able to do."""

import os
import socket
import sysconfig
import time
from pathlib import Path

import pytest

from r1rl.sandbox import run
from r1rl.sandbox.child import Limits
from r1rl.sandbox.client import Zygote
from tests.kernel import TIERS

C = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
ESCAPES = {
    "read /etc/passwd": "open('/etc/passwd').read()",
    "read /etc/shadow": "open('/etc/shadow').read()",
    "read the repository": "open(ROOT + '/pyproject.toml').read()",
    "read installed packages": "open(PACKAGES)",
    "list home": "import os\nassert os.listdir(HOME)",
    "list the root": "import os\nassert os.listdir('/')",
    "read its own memory": "open('/proc/self/mem', 'rb')",
    "read its own maps": "open('/proc/self/maps')",
    "see its descriptors": "import os\nos.listdir('/proc/self/fd')",
    "see processes": "import os\nos.listdir('/proc')",
    "see another's environment": "open(f'/proc/{JUDGE}/environ')",
    "see the environment": "import os\nassert os.environ",
    "see the environment from C": C + "libc.getenv.restype = ctypes.c_char_p\nassert libc.getenv(b'R1RL_TEST_SECRET')",
    "write /tmp": "open('/tmp/r1rl-escape', 'w')",
    "write here": "open('r1rl-escape', 'w')",
    "write /dev/shm": "open('/dev/shm/r1rl-escape', 'w')",
    "a temporary file": "import tempfile\ntempfile.TemporaryFile()",
    "make a directory": "import os\nos.mkdir('/tmp/r1rl-escape')",
    "make a link": "import os\nos.symlink('/etc', '/tmp/r1rl-escape')",
    "change a mode": "import os\nos.chmod('/dev/null', 0o777)",
    "change directory": "import os\nos.chdir('/usr')",
    "TCP": "import socket\nsocket.create_connection(('127.0.0.1', PORT))",
    "UDP": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT))",
    "abstract socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0r1rl-escape')",
    "socket pair": "import socket\nsocket.socketpair()",
    "netlink": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "fork": "import os\nos.fork() or os._exit(0)",
    "vfork": C + "assert libc.syscall(58) >= 0",
    "posix_spawn": "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
    "subprocess": "import subprocess\nsubprocess.run(['/bin/true'])",
    "exec": "import os\nos.execv('/bin/sh', ['sh', '-c', 'echo out'])",
    "clone3": C + "assert libc.syscall(435, bytes(88), 88) >= 0",
    "clone without a thread": C + "assert libc.syscall(56, 17, 0, 0, 0, 0) >= 0",
    "kill everybody": "import os\nos.kill(-1, 0)",
    "kill the group": "import os\nos.killpg(0, 0)",
    "kill the zygote": "import os\nos.kill(os.getppid() or 1, 0)",
    "kill the judge": "import os\nos.kill(JUDGE, 0)",
    "kill by descriptor": C + "import signal\nsignal.pidfd_send_signal(os.pidfd_open(os.getppid() or 1), 0)",
    "queue a signal": C + "assert libc.sigqueue(os.getppid() or 1, 0, 0) == 0",
    "signals by fcntl": "import fcntl, os\nfcntl.fcntl(1, fcntl.F_SETOWN, os.getppid() or 1)",
    "ptrace me": C + "assert libc.ptrace(0, 0, 0, 0) == 0",
    "ptrace the zygote": C + "assert libc.ptrace(16, os.getppid() or 1, 0, 0) == 0",
    "read another's memory": C + "assert libc.process_vm_readv(os.getppid() or 1, 0, 0, 0, 0, 0) == 0",
    "memfd": "import os\nos.memfd_create('x')",
    "shared memory": "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=9)",
    "System V memory": C + "assert libc.shmget(0, 4096, 0o1600) >= 0",
    "System V queue": C + "assert libc.msgget(0, 0o1600) >= 0",
    "message queue": C + "assert libc.syscall(240, b'x', 0o102, 0o600, 0) >= 0",
    "io_uring": C + "assert libc.syscall(425, 8, bytes(256)) >= 0",
    "bpf": C + "assert libc.syscall(321, 0, bytes(99), 48) >= 0",
    "userfaultfd": C + "assert libc.syscall(323, 0) >= 0",
    "keyctl": C + "assert libc.syscall(250, 0, -3, 0) >= 0",
    "perf": C + "assert libc.syscall(298, bytes(128), 0, -1, -1, 0) >= 0",
    "inotify": C + "assert libc.inotify_init() >= 0",
    "mount": C + "assert libc.mount(b'x', b'/tmp', b'tmpfs', 0, None) == 0",
    "new user namespace": C + "assert libc.unshare(0x10000000) == 0",
    "enter a namespace": C + "assert libc.setns(0, 0) == 0",
    "chroot": "import os\nos.chroot('/usr')",
    "become root": "import os\nos.setresuid(0, 0, 0)",
    "be root": "import os\nos.setgroups([])",
    "personality": C + "assert libc.personality(0x0040000) >= 0",
    "prctl": C + "assert libc.prctl(1, 0) == 0",
    "undo seccomp": C + "assert libc.prctl(22, 2, 0) == 0 or libc.syscall(317, 0, 0, 0) == 0",
    "another's limits": "import os, resource\nresource.prlimit(os.getppid() or 1, resource.RLIMIT_CPU)",
    "more memory": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "another's priority": "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid() or 1, 5)",
    "x32": C + "libc.syscall(0x40000000 + 39)",
    "push into a terminal": "import fcntl\nfcntl.ioctl(0, 0x5412, b'x')",
    "open for writing": "import sys\nopen(sys.modules['os'].__file__, 'r+')",
    "2 GB": "x = bytearray(2 << 30)",
}


@pytest.fixture(scope="module", params=TIERS)
def zygote(request):
    os.environ["R1RL_TEST_SECRET"] = "out"
    zygote = Zygote(request.param)
    yield zygote
    zygote.close()
    del os.environ["R1RL_TEST_SECRET"]


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0r1rl-escape")
        abstract.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("escape", ESCAPES)
def test_there_is_no_way_out(zygote, port, escape):
    root = str(Path(__file__).parents[1])
    site = Path(sysconfig.get_path("stdlib"), "site-packages")
    packages = str(next((file for file in site.rglob("*") if file.is_file()), site / "none"))
    places = {"ROOT": root, "HOME": os.path.expanduser("~"), "PACKAGES": packages}
    names = "".join(f"{name} = {value!r}\n" for name, value in {**places, "PORT": port, "JUDGE": os.getpid()}.items())
    program = f"{names}{ESCAPES[escape]}\nprint('out')"
    limits = Limits(seconds=2, memory=512 << 20)
    outcome = run.program(zygote, program, b"", limits, time.monotonic() + 5)
    assert b"out" not in outcome.stdout
    assert outcome.kind in (run.Kind.ERROR, run.Kind.MEMORY), outcome
    assert "NameError" not in outcome.detail  # an attempt with a slip in it proves nothing
    assert run.program(zygote, "print(1)", b"", limits, time.monotonic() + 5).stdout == b"1\n"
    assert not any(Path(place, "r1rl-escape").exists() for place in ("/tmp", "/dev/shm", ".", "/"))
