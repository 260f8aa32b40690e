"""Which isolation this machine can give, by name, and the strongest of it as a Sandbox.

===========  ============================================================================================================
namespaces   user, mount, pid, network, IPC and UTS namespaces, landlock, seccomp, resource limits, no new privileges.
             The program sees a file system of its own that holds nothing but what it may read.
landlock     landlock, seccomp without `socket`, resource limits, no new privileges; orphans are adopted and killed. The
             program can see (not read) that other files exist, and as an ordinary user it keeps that user's uid and
             shares that user's process count. Changes of mode, owner and times are pretended, everywhere; there is no
             /proc and no /dev/shm, so no multiprocessing locks. As root, programs below 0700 folders cannot be reached.
rlimits      resource limits and a clean-up. No isolation at all: it reads, writes and sends what you could. Only ``unsafe``.
===========  ============================================================================================================

In both isolating tiers `socket` is refused for every family (loopback too); local stream pairs are allowed.

Covered: a tier counts as available only after a probe took every one of its steps in a real process.
Not covered: faults of the kernel itself; the sum of memory over all processes of a job, and of disk over all its files
(no cgroup is used yet); a machine that changes while we run, since the answer is kept for the life of this process.
"""

from __future__ import annotations

import functools
import os
import sys
from dataclasses import dataclass

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job
from yunque.sandbox import kernel
from yunque.sandbox.runner import LocalSandbox, run_in_tier

TIERS = ("namespaces", "landlock", "rlimits")
"""Strongest first."""

_LEAST_ABI = {"namespaces": 1, "landlock": 3}
# Below 3 landlock cannot keep a program from truncating files; the namespaces tier has read-only mounts against that.


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One thing this machine can or cannot do, and why."""

    name: str
    available: bool
    detail: str


def open_sandbox(tier: str | None = None, *, unsafe: bool = False) -> LocalSandbox:
    """The named tier, or the strongest one here. SandboxError when there is none; never a weaker one in its place."""
    if tier is not None and tier not in TIERS:
        raise SandboxError(f"no such tier: {tier!r}", do=f"choose one of {', '.join(TIERS)}")
    if tier == "rlimits" and not unsafe:
        raise SandboxError("tier rlimits isolates nothing", do="say unsafe as well if the program may do all you can")
    wanted = (tier,) if tier else TIERS if unsafe else TIERS[:2]
    reasons = {name: _why_not(name) for name in wanted}
    for name, reason in reasons.items():
        if not reason:
            return LocalSandbox(name)
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxError(f"untrusted programs cannot be run safely here ({told})", do="see `yunque doctor`")


def capabilities() -> list[Capability]:
    """What `yunque doctor` says about running untrusted programs on this machine."""
    machine, abi, spaces, cgroup = kernel.machine(), kernel.landlock_abi(), _user_namespaces(), _writable_cgroup()
    found = [
        Capability(name="landlock", available=abi > 0, detail=f"ABI {abi}" if abi else "this kernel has none"),
        Capability(
            name="seccomp",
            available=machine is not None,
            detail=f"filter for {machine}" if machine else f"no filter for {os.uname().sysname} {os.uname().machine}",
        ),
        Capability(name="user namespaces", available=spaces > 0, detail=f"{spaces} allowed" if spaces else "none allowed"),
        Capability(name="cgroup", available=bool(cgroup), detail=cgroup or "not writable; limits do without it"),
    ]
    for name in TIERS[:2]:
        reason = _why_not(name)
        found.append(Capability(name=f"tier {name}", available=not reason, detail=reason or "all steps probed"))
    chosen = next((name for name in TIERS[:2] if not _why_not(name)), None)
    return [*found, Capability(name="sandbox", available=bool(chosen), detail=chosen or "only rlimits, which is unsafe")]


@functools.cache
def _why_not(tier: str) -> str:
    """Why a tier cannot be had here, in a few words; empty when a probe went through all its steps."""
    if tier in _LEAST_ABI:
        if kernel.machine() is None:
            return f"no seccomp filter for {os.uname().sysname} {os.uname().machine}"
        if kernel.landlock_abi() < _LEAST_ABI[tier]:
            return f"landlock ABI {kernel.landlock_abi()}, {_LEAST_ABI[tier]} is needed"
    if tier == "namespaces" and not _user_namespaces():
        return "user namespaces are switched off (sysctl user.max_user_namespaces)"
    try:
        run_in_tier(tier, Job(argv=(sys.executable,)), probe=True)
    except SandboxError as error:
        return error.what
    return ""


def _user_namespaces() -> int:
    """How many user namespaces the kernel lets a user make."""
    return int(_read("/proc/sys/user/max_user_namespaces") or 0)


def _writable_cgroup() -> str:
    """A cgroup hierarchy with process counting in which this process may make groups, or an empty text."""
    version_2 = "pids" in (_read("/sys/fs/cgroup/cgroup.controllers") or "").split()
    root = "/sys/fs/cgroup" if version_2 else "/sys/fs/cgroup/pids"
    return f"{root} is writable (not used yet)" if os.path.isdir(root) and os.access(root, os.W_OK) else ""


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None
