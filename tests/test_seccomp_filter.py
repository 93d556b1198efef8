"""The system-call filter of both machines, run by an interpreter of classic BPF that is written here from its manual.

The kernel runs only the filter of its own machine; this runs both. Numbers of calls come from the kernel's headers
where they are installed, and from a table written out here.
"""

import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1rl.sandbox import seccomp

MACHINES = ("x86_64", "aarch64")
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003, "arm": 0x40000028}
ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
PID = 4711
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),  # arm64 has the generic numbers
}
# Name: number on x86_64, on aarch64 (None: does not exist there), from the kernel's headers.
REFUSED = {
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None), "ptrace": (101, 117),
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "sendmsg": (46, 211),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "bpf": (321, 280), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "keyctl": (250, 219), "add_key": (248, 217), "userfaultfd": (323, 282),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "process_vm_readv": (310, 270), "pidfd_open": (434, 434),
    "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "perf_event_open": (298, 241), "init_module": (175, 105),
    "kexec_load": (246, 104), "open_by_handle_at": (304, 265), "setuid": (105, 146), "setrlimit": (160, 164),
    "prctl": (157, 167), "seccomp": (317, 277), "chmod": (90, None), "fchmodat": (268, 53), "unlink": (87, None),
    "unlinkat": (263, 35), "rename": (82, None), "renameat2": (316, 276), "truncate": (76, 45), "mkdirat": (258, 34),
    "symlinkat": (266, 36), "linkat": (265, 37), "mknodat": (259, 33), "utimensat": (280, 88), "splice": (275, 76),
    "inotify_init1": (294, 26), "fanotify_init": (300, 262), "timer_create": (222, 107), "personality": (135, 92),
    "setpgid": (109, 154), "setsid": (112, 157), "sched_setaffinity": (203, 122), "reboot": (169, 142),
}  # fmt: skip


def run(code: bytes, arch: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    """What a filter says to a call: BPF over `struct seccomp_data` (number, architecture, an address, six words)."""
    data = struct.pack("<iIQ6Q", number, arch, 0, *(*arguments, *[0] * (6 - len(arguments))))
    accumulator, at = 0, 0
    while True:
        operation, yes, no, constant = struct.unpack_from("<HBBI", code, at * 8)
        at += 1
        if operation == 0x06:  # BPF_RET | BPF_K
            return constant
        if operation == 0x20:  # BPF_LD | BPF_W | BPF_ABS
            [accumulator] = struct.unpack_from("<I", data, constant)
        elif operation == 0x54:  # BPF_ALU | BPF_AND | BPF_K
            accumulator &= constant
        elif operation == 0x15:  # BPF_JMP | BPF_JEQ | BPF_K
            at += yes if accumulator == constant else no
        elif operation == 0x35:  # BPF_JMP | BPF_JGE | BPF_K
            at += yes if accumulator >= constant else no
        else:
            raise AssertionError(f"an instruction that the kernel would refuse or this does not know: {operation:#x}")


def ask(machine: str, number: int, *arguments: int) -> int:
    return run(seccomp.program(PID, machine), ARCH[machine], number, arguments)


def numbers(machine: str) -> dict[str, int]:
    """Name and number of every call, as the kernel's headers have them."""
    if not HEADERS[machine].exists():
        pytest.skip(f"there is no {HEADERS[machine]}")
    text = HEADERS[machine].read_text()
    found = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    for name, other in reversed(re.findall(r"#define __NR_(\w+)\s+__NR3264_(\w+)", text)):  # 64 bits come first
        if other in found:
            found[name] = found[other]
    return found


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_kernels(machine):
    column, known = MACHINES.index(machine), numbers(machine)
    tables = {**seccomp.ALLOWED, **seccomp.IF, **seccomp.TO_ITSELF, **REFUSED, "clone3": (seccomp.CLONE3,) * 2}
    for name, row in tables.items():
        assert row[column] == known.get(name), name


@pytest.mark.parametrize("machine", MACHINES)
def test_what_python_needs_passes_and_what_leads_out_does_not(machine):
    column = MACHINES.index(machine)
    for name, row in seccomp.ALLOWED.items():
        assert row[column] is None or ask(machine, row[column]) == ALLOW, name
    for name, row in REFUSED.items():
        assert row[column] is None or ask(machine, row[column]) == EPERM, name
    assert ask(machine, 435) == ENOSYS  # clone3: libc then falls back to clone


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_depend_on_their_arguments(machine):
    column = MACHINES.index(machine)
    number = {name: row[column] for name, row in {**seccomp.IF, **seccomp.TO_ITSELF}.items()}
    thread, process, new_user = 0x3D0F00, 0x1200011, 0x10000000  # flags as glibc passes them
    assert ask(machine, number["clone"], thread) == ALLOW
    assert ask(machine, number["clone"], process) == ask(machine, number["clone"], thread | new_user) == EPERM
    for name in ("kill", "tgkill"):
        assert ask(machine, number[name], PID, 9) == ALLOW
        for other in (0, 1, PID + 1, 0xFFFFFFFF, (1 << 32) - PID):  # a group, init, a neighbour, everybody
            assert ask(machine, number[name], other, 9) == EPERM
    assert ask(machine, number["prlimit64"], 0) == ALLOW
    assert ask(machine, number["prlimit64"], PID + 1) == EPERM
    assert ask(machine, number["ioctl"], 0, 0x5401) == ALLOW  # TCGETS: is it a terminal
    assert ask(machine, number["ioctl"], 0, 0x5412) == EPERM  # TIOCSTI: type into it
    assert ask(machine, number["fcntl"], 0, 2) == ALLOW
    assert ask(machine, number["fcntl"], 0, 8) == EPERM  # F_SETOWN: signals to others


@given(st.sampled_from(MACHINES), st.integers(0, 2**31 - 1) | st.integers(0, 600))
def test_every_other_number_is_refused(machine, number):
    column = MACHINES.index(machine)
    known = {row[column] for table in (seccomp.ALLOWED, seccomp.IF, seccomp.TO_ITSELF) for row in table.values()}
    answer = ask(machine, number, 1, 1)
    if number >= 0x40000000:  # x32
        assert answer == KILL
    elif number not in known:
        assert answer == (ENOSYS if number == 435 else EPERM)


@pytest.mark.parametrize("machine", MACHINES)
def test_other_calling_conventions_are_killed(machine):
    code = seccomp.program(PID, machine)
    for name, arch in ARCH.items():
        assert run(code, arch, 0x40000000 | 1) == KILL
        assert (run(code, arch, 222) == KILL) is (name != machine)
