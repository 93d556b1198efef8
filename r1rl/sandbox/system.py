"""The few system calls that Python's standard library does not offer, by ctypes, for x86_64 and aarch64.

Every function raises OSError when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

MACHINE = platform.machine()
ARCHITECTURES = ("x86_64", "aarch64")
# Numbers of calls without a wrapper in every libc. Those added since Linux 5.1 are the same everywhere.
NUMBERS = {
    "x86_64": {"seccomp": 317, "pivot_root": 155, "capset": 126},
    "aarch64": {"seccomp": 277, "pivot_root": 41, "capset": 91},
}.get(MACHINE, {})
MOUNT_SETATTR = 442
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CLONE_NEW = {"ns": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000}
CLONE_NEW |= {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID = 1, 2
M_ARENA_MAX = -8
SIGKILL = 9

libc = ctypes.CDLL(None, use_errno=True)


def syscall(what: str, number: int, *args: object) -> int:
    return _checked(what, libc.syscall(ctypes.c_long(number), *(_word(arg) for arg in args)))


def prctl(option: int, value: int) -> None:
    _checked(f"prctl({option})", libc.prctl(option, *(ctypes.c_ulong(word) for word in (value, 0, 0, 0))))


def die_with_parent() -> None:
    """SIGKILL for this process when the *thread* that forked it ends: only a single-threaded parent is safe to follow.

    The kernel forgets this on fork and whenever the user id changes, so it comes last.
    """
    prctl(PR_SET_PDEATHSIG, SIGKILL)


def unshare(*namespaces: str) -> None:
    _checked("unshare", libc.unshare(sum(CLONE_NEW[name] for name in namespaces)))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = [text.encode() for text in (source, target, kind)]
    _checked(f"mount {target}", libc.mount(*texts, ctypes.c_ulong(flags), options.encode()))


def pivot_root(root: str) -> None:
    """Makes `root` the file system of this process and lets go of the old one."""
    os.chdir(root)
    syscall("pivot_root", NUMBERS["pivot_root"], b".", b".")  # the old root now lies on top, see pivot_root(2)
    _checked("umount2", libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def make_read_only(path: str) -> None:
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, 0, 0)
    syscall("mount_setattr", MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, attributes, len(attributes))


def drop_capabilities() -> None:
    header = struct.pack("=Ii", 0x20080522, 0)
    syscall("capset", NUMBERS["capset"], header, bytes(24))


def one_arena() -> None:
    """Threads then share one heap: glibc reserves 64 MiB of addresses for each otherwise, and RLIMIT_AS counts them."""
    mallopt = getattr(libc, "mallopt", None)  # musl has none and needs none
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _word(arg: object) -> object:
    return ctypes.c_long(arg) if isinstance(arg, int) else arg  # a plain int may lose its upper half


def _checked(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
