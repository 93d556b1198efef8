"""Which system calls a candidate may make: a list of what Python needs to compute, read a module and print.

An allow-list, because the kernel grows new calls every release (io_uring, pidfd, landlock itself) and a deny-list has
to know them all. Everything else is refused with EPERM, so that Python code meets a PermissionError: sockets, new
processes and programs, signals to others, tracing, shared memory, mounts, keys. `clone3` says ENOSYS instead, because
then libc falls back to `clone`, whose flags a filter can read; only threads pass.
Other calling conventions of the same machine (32-bit, x32) have other numbers and kill the process.
"""

from __future__ import annotations

import ctypes
import functools
import struct

from r1rl.sandbox.system import CLONE_NEW, MACHINE, NUMBERS, PR_SET_NO_NEW_PRIVS, prctl, syscall

# Name: number on x86_64, number on aarch64 (None: does not exist there). The most frequent come first.
ALLOWED: dict[str, tuple[int, int | None]] = {
    **{"read": (0, 63), "write": (1, 64), "futex": (202, 98), "mmap": (9, 222), "munmap": (11, 215), "brk": (12, 214)},
    **{"fstat": (5, 80), "newfstatat": (262, 79), "openat": (257, 56), "close": (3, 57), "lseek": (8, 62)},
    **{"mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233), "clock_gettime": (228, 113)},
    **{"stat": (4, None), "lstat": (6, None), "statx": (332, 291), "access": (21, None), "faccessat": (269, 48)},
    **{"faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61)},
    **{"getcwd": (79, 17), "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66), "fadvise64": (221, 223)},
    **{"rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136)},
    **{"rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "pause": (34, None)},
    **{"poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "sched_yield": (24, 124)},
    **{"dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59)},
    **{"nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_getres": (229, 114), "gettimeofday": (96, 169)},
    **{"time": (201, None), "times": (100, 153), "getitimer": (36, 102), "setitimer": (38, 103), "alarm": (37, None)},
    **{"getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175)},
    **{"getgid": (104, 176), "getegid": (108, 177), "uname": (63, 160), "sysinfo": (99, 179), "getrlimit": (97, 163)},
    **{"getrusage": (98, 165), "sched_getaffinity": (204, 123), "getcpu": (309, 168), "getrandom": (318, 278)},
    **{"set_robust_list": (273, 99), "set_tid_address": (218, 96), "rseq": (334, 293), "membarrier": (324, 283)},
    **{"restart_syscall": (219, 128), "close_range": (436, 436), "exit": (60, 93), "exit_group": (231, 94)},
}
# Allowed if an argument has one of some values: number on x86_64, on aarch64, argument, mask, values.
# fcntl: not F_SETOWN, which lets the kernel send signals to others. ioctl: is it a terminal, close on exec.
# prlimit64: of this process only. clone: a thread (CLONE_THREAD), and no new namespace.
WHOLE, THREAD = 0xFFFFFFFF, 0x10000
IF = {
    "fcntl": (72, 25, 1, WHOLE, (0, 1, 2, 3, 4, 1030)),
    "ioctl": (16, 29, 1, WHOLE, (0x5401, 0x5413, 0x5450, 0x5451)),
    "prlimit64": (302, 261, 0, WHOLE, (0,)),
    "clone": (56, 220, 0, THREAD | sum(CLONE_NEW.values()), (THREAD,)),
}
TO_ITSELF = {"kill": (62, 129), "tgkill": (234, 131)}  # abort() and signal.raise_signal() need them
SOME_PID = 0xFEEDF00D  # larger than any, and no other word of the filter
CLONE3 = 435
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32 = 0x40000000
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # opcodes of classic BPF
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = 1, 38
NUMBER_AT, ARCH_AT, ARGUMENTS_AT = 0, 4, 16  # offsets in struct seccomp_data
SET_MODE_FILTER = 1


def program(pid: int, machine: str = MACHINE) -> bytes:
    """The filter for the process `pid`, as BPF.

    >>> len(program(7, "x86_64")) // 8 < 4096  # the kernel's limit, in instructions
    True
    """
    return _template(machine).replace(struct.pack("I", SOME_PID), struct.pack("I", pid))


@functools.cache
def _template(machine: str) -> bytes:
    """The filter with SOME_PID for the process: built once, before the fork, because it takes a millisecond."""
    column = ("x86_64", "aarch64").index(machine)
    code = _op(LOAD, ARCH_AT) + _op(EQUAL, AUDIT_ARCH[machine], 1) + _op(RETURN, KILL) + _op(LOAD, NUMBER_AT)
    code += _op(AT_LEAST, X32, 0, 1) + _op(RETURN, KILL) + _case(CLONE3, _op(RETURN, ERRNO | ENOSYS))
    for numbers in ALLOWED.values():
        code += _case(numbers[column], _op(RETURN, ALLOW))
    for *two, argument, mask, values in IF.values():
        code += _case(two[column], _if(argument, mask, values))
    for numbers in TO_ITSELF.values():
        code += _case(numbers[column], _if(0, WHOLE, (SOME_PID,)))
    return code + _op(RETURN, ERRNO | EPERM)


def prepare(pid: int) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """The argument of the system call for the process `pid`, and the memory that it points to."""
    code = program(pid)
    buffer = _buffer(len(code))()
    buffer.raw = code
    return struct.pack("HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)), buffer


def restrict(pid: int) -> None:
    """Applies the filter to this process, which is `pid` and has one thread, for good."""
    header, _buffer_kept = prepare(pid)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall("seccomp", NUMBERS["seccomp"], SET_MODE_FILTER, 0, header)


@functools.cache
def _buffer(size: int) -> type[ctypes.Array[ctypes.c_char]]:
    return ctypes.c_char * size


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _case(number: int | None, body: bytes) -> bytes:
    return b"" if number is None else _op(EQUAL, number, 0, len(body) // 8) + body


def _if(argument: int, mask: int, values: tuple[int, ...]) -> bytes:
    """Allow if the lower half of an argument is one of the values, else EPERM. These calls ignore the upper half."""
    code = _op(LOAD, ARGUMENTS_AT + 8 * argument) + _op(AND, mask)
    for value in values:
        code += _op(EQUAL, value, 0, 1) + _op(RETURN, ALLOW)
    return code + _op(RETURN, ERRNO | EPERM)
