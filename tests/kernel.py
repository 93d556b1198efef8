"""What this kernel allows, asked without a line of the sandbox's own code: where it does, a sandbox must start.

A test that skips wherever the sandbox does not start would also skip when a change breaks its start.
"""

import ctypes
import functools
import subprocess
from pathlib import Path

import pytest

from r1rl.sandbox.client import SandboxError, Zygote
from r1rl.sandbox.zygote import CONFINED, NAMESPACES

SECCOMP = Path("/proc/sys/kernel/seccomp/actions_avail")
LANDLOCK_VERSION = (444, None, 0, 1)  # landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)
UNSHARE = ["unshare", "-UrnpimuC", "--fork", "sh", "-c", "mount -t tmpfs none /tmp"]


@functools.cache
def refuses(tier: int) -> str:
    """Why this kernel cannot put up a tier, or ""."""
    if not SECCOMP.exists() or "errno" not in SECCOMP.read_text():
        return "the kernel has no seccomp filters"
    if ctypes.CDLL(None).syscall(*LANDLOCK_VERSION) < 1:
        return "the kernel has no Landlock"
    if tier == NAMESPACES:
        try:
            asked = subprocess.run(UNSHARE, capture_output=True, text=True)
        except FileNotFoundError:
            return "" if starts(tier) else "no unshare to ask the kernel with"
        return f"the kernel allows no namespaces: {asked.stderr.strip()}" if asked.returncode else ""
    return ""


def starts(tier: int) -> bool:
    try:
        Zygote(tier).close()
    except SandboxError:
        return False
    return True


def needs(tier: int = CONFINED) -> None:
    """Skips a test where the kernel refuses, and nowhere else."""
    if why := refuses(tier):
        pytest.skip(f"tier {tier}: {why}")


TIERS = [
    pytest.param(tier, marks=pytest.mark.skipif(bool(refuses(tier)), reason=f"tier {tier}: {refuses(tier)}"), id=name)
    for tier, name in ((NAMESPACES, "tier1"), (CONFINED, "tier2"))
]
