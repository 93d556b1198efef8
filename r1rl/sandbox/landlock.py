"""Landlock: which files a candidate may open. Reading modules and libraries, `/dev/null`, nothing else.

Needs no privilege and no namespace, and stays on for good. It does not hide that a file exists (`os.stat`): a new root
does (see namespaces). What it does not know, such as chmod, seccomp refuses.
"""

from __future__ import annotations

import os
import stat
import struct
import sysconfig

from r1rl.sandbox.system import PR_SET_NO_NEW_PRIVS, prctl, syscall

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION, PATH_BENEATH = 1, 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
RIGHTS_BY_ABI = (0, 13, 14, 15, 15, 16)  # the first so many bits are known; later versions add none for files
PACKAGES = ("site-packages", "dist-packages", "python3")  # may well hold tests with their answers
NET_TCP, SCOPED = 3, 3  # bind and connect; abstract Unix sockets and signals


def readable() -> list[str]:
    """Files and directories that Python needs to import the standard library, those that exist."""
    libraries = ["/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/etc/ld.so.cache"]
    devices = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
    python = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    paths = dict.fromkeys([*python, *libraries, *devices, "/usr/share/zoneinfo"])
    return [path for path in paths if os.path.exists(path)]


def ruleset() -> int:
    """A descriptor of the rules, for `restrict`."""
    abi = syscall("landlock_create_ruleset", CREATE_RULESET, 0, 0, VERSION)
    handled = (1 << RIGHTS_BY_ABI[min(abi, len(RIGHTS_BY_ABI) - 1)]) - 1
    attributes = struct.pack("QQQ", handled, NET_TCP if abi >= 4 else 0, SCOPED if abi >= 6 else 0)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = syscall("landlock_create_ruleset", CREATE_RULESET, attributes, len(attributes), 0)
    for path in readable():
        if os.path.isdir(path):
            _allow(rules, path, READ_DIR)
            for name in os.listdir(path):
                if not name.startswith(PACKAGES):
                    _allow(rules, os.path.join(path, name), READ_FILE | READ_DIR)
        else:
            _allow(rules, path, READ_FILE | (WRITE_FILE if path == "/dev/null" else 0))
    return rules


def restrict(rules: int) -> None:
    """Applies the rules to this process for good."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    syscall("landlock_restrict_self", RESTRICT_SELF, rules, 0)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # a dangling link, a directory that is closed to us
        return
    if not stat.S_ISDIR(os.fstat(file).st_mode):
        rights &= ~READ_DIR
    syscall(f"landlock_add_rule {path}", ADD_RULE, rules, PATH_BENEATH, struct.pack("=Qi", rights, file), 0)
    os.close(file)
