"""Which isolation this machine can give, by name, and the strongest of it as a Sandbox.

===========  ============================================================================================================
namespaces   user, mount, pid, network, IPC and UTS namespaces, landlock, seccomp, resource limits, no new privileges.
             The program sees a file system of its own that holds nothing but what it may read.
bwrap        the same, with namespaces that bubblewrap makes: for machines that let only certain programs make them.
             As root bubblewrap runs as the private uid, so that programs below 0700 folders cannot be reached.
landlock     landlock, seccomp without `socket`, resource limits, no new privileges; orphans are adopted and killed. The
             program can see (not read) that other files exist, and as an ordinary user it keeps that user's uid and
             shares that user's process count. Changes of mode, owner and times are pretended, everywhere; there is no
             /proc and no /dev/shm, so no multiprocessing locks. As root, programs below 0700 folders cannot be reached.
rlimits      resource limits and a clean-up. No isolation at all: it reads, writes and sends what you could. Only ``unsafe``.
===========  ============================================================================================================

In all isolating tiers `socket` is refused for every family (loopback too); local stream pairs are allowed.

Covered: a tier counts as available only after a probe took every one of its steps in a real process.
Not covered: faults of the kernel itself; in the landlock and rlimits tiers the sum of disk over all files; a machine that
changes while we run, since the answer is kept for the life of this process.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from yunque.core.errors import SandboxError
from yunque.sandbox import cgroups
from yunque.sandbox.inside import kernel
from yunque.sandbox.runner import LocalSandbox

TIERS = ("namespaces", "bwrap", "landlock", "rlimits")
"""Strongest first."""
ISOLATING = TIERS[:-1]

_LEAST_ABI = {"namespaces": 1, "bwrap": 1, "landlock": 3}
# Below 3 landlock cannot keep a program from truncating files; the first two tiers have read-only mounts against that.


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
    wanted = (tier,) if tier else TIERS if unsafe else ISOLATING
    reasons = {}
    for name in wanted:
        reasons[name] = _why_not(name)
        if not reasons[name]:
            return LocalSandbox(name)
    listing = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    raise SandboxError(f"untrusted programs cannot be run safely here ({listing})", do="see `yunque doctor`")


def capabilities() -> list[Capability]:
    """What `yunque doctor` says about running untrusted programs on this machine."""
    machine, abi, spaces, version = kernel.machine(), kernel.landlock_abi(), _user_namespaces(), cgroups.hierarchy()[0]
    results = [
        Capability(name="landlock", available=abi > 0, detail=f"ABI {abi}" if abi else "this kernel has none"),
        Capability(
            name="seccomp",
            available=machine is not None,
            detail=f"filter for {machine}" if machine else f"no filter for {os.uname().sysname} {os.uname().machine}",
        ),
        Capability(name="user namespaces", available=spaces > 0, detail=f"{spaces} allowed" if spaces else "none allowed"),
        Capability(
            name="cgroup",
            available=version > 0,
            detail=f"version {version}" if version else "none can be made; memory and processes are watched without it",
        ),
    ]
    for name in ISOLATING:
        reason = _why_not(name)
        results.append(Capability(name=f"tier {name}", available=not reason, detail=reason or _probed(name, version > 0)))
    chosen = next((name for name in ISOLATING if not _why_not(name)), None)
    return [*results, Capability(name="sandbox", available=bool(chosen), detail=chosen or "only rlimits, which is unsafe")]


def _probed(tier: str, counted: bool) -> str:
    """That a tier works, and what it cannot bound."""
    unbounded = []
    if not counted:
        unbounded.append("pages of pipes and socket pairs, and the time of children whose parent ignores their end")
    if tier == "bwrap":
        unbounded.append("the times of /dev/null and its kin can be set to now")
    if tier == "landlock":
        unbounded.append("files between two looks (40 ms); pipe pages and queued signals are its user's")
    return "all steps probed" + (f"; not bounded: {'; '.join(unbounded)}" if unbounded else "")


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
        with LocalSandbox(tier) as sandbox:
            sandbox.probe()
    except SandboxError as error:
        return error.what
    return ""


def _user_namespaces() -> int:
    """How many user namespaces the kernel lets a user make."""
    return int(_read("/proc/sys/user/max_user_namespaces") or 0)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return None
