"""Tier 1's own world: new user, mount, process, network, IPC, host-name and cgroup namespaces.

The new root is an empty memory file system with the standard library and the libraries mounted into it read-only. There
is no /proc, no /etc, no home and no /tmp: nothing to read, and nowhere to write. Nothing outside sees any of these
mounts, and they end with the last process inside.
"""

from __future__ import annotations

import os
import stat
from typing import NoReturn

from r1rl.sandbox import system
from r1rl.sandbox.landlock import readable

NOBODY = 65534
STAGE = "/tmp"  # covered by the new root while it is built; only in our own mount namespace


def enter() -> None:
    """Moves into new namespaces and goes on as their first process, so that all others inside die with this one.

    The process that called stays outside and only waits. Raises OSError where the kernel or a container does not allow
    it; nothing has then been changed that outlives the process.
    """
    ready, told = os.pipe()
    mapper = os.fork()
    if mapper == 0:
        os.close(told)
        _map_ids_and_exit(os.getppid(), ready)
    system.unshare("user", "ns", "pid", "net", "ipc", "uts", "cgroup")
    os.write(told, b"x")
    os.close(told)
    os.close(ready)
    if os.waitpid(mapper, 0)[1]:
        raise OSError("the user namespace could not be given its ids")
    _new_root()
    _become_nobody()
    _fork_and_wait()


def _map_ids_and_exit(pid: int, ready: int) -> NoReturn:
    """Runs outside, where it is allowed."""
    try:
        os.read(ready, 1)
        _map_ids(pid)
    except OSError:
        os._exit(1)
    os._exit(0)


def _map_ids(pid: int) -> None:
    """Root gets a real nobody inside; for others, nobody is their own id by another name."""
    if os.getuid() == 0:
        try:
            _write(f"/proc/{pid}/gid_map", f"0 0 1\n{NOBODY} {NOBODY} 1")
            _write(f"/proc/{pid}/uid_map", f"0 0 1\n{NOBODY} {NOBODY} 1")
            return
        except OSError:  # a root that has no nobody, as inside another user namespace
            pass
    _write(f"/proc/{pid}/setgroups", "deny")
    _write(f"/proc/{pid}/gid_map", f"{NOBODY} {os.getgid()} 1")
    _write(f"/proc/{pid}/uid_map", f"{NOBODY} {os.getuid()} 1")


def _new_root() -> None:
    system.mount("none", "/", "", system.MS_REC | system.MS_PRIVATE)  # nothing of what follows may show outside
    sources = [(path, os.open(path, os.O_PATH | os.O_CLOEXEC)) for path in readable() if not os.path.islink(path)]
    links = [(path, os.readlink(path)) for path in readable() if os.path.islink(path)]  # such as /lib -> usr/lib
    proc = os.open("/proc/self/fd", os.O_PATH | os.O_DIRECTORY)
    system.mount("tmpfs", STAGE, "tmpfs", 0, "size=64k,mode=0755")
    for path, source in sources:
        _bind(source, STAGE + path)
    for path, target in links:
        os.symlink(target, STAGE + path)
    os.close(proc)
    system.pivot_root(STAGE)
    system.make_read_only("/")


def _bind(source: int, target: str) -> None:
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    if stat.S_ISDIR(os.fstat(source).st_mode):
        os.makedirs(target, mode=0o755, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    # By descriptor: a path below STAGE is hidden by now, and one below a private home is closed to nobody.
    system.mount(f"/proc/self/fd/{source}", target, "", system.MS_BIND | system.MS_REC)
    os.close(source)


def _become_nobody() -> None:
    if os.getuid() != NOBODY:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    system.drop_capabilities()


def _fork_and_wait() -> None:
    child = os.fork()
    if child == 0:
        system.die_with_parent()
        return
    os.closerange(0, 1024)  # the judge learns of the zygote's end by its socket, so only the zygote may hold it
    os.waitpid(child, 0)
    os._exit(0)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
