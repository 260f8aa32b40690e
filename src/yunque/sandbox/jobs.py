"""Jobs before they run: whether they make sense, what they may read, and the environment they find."""

from __future__ import annotations

import functools
import math
import os
import sys
from pathlib import PurePosixPath

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job

_RUNTIME = [
    # what the dynamic linker and common programs need; no accounts, no hosts, no keys
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store", "/etc/ld.so.cache",
    "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/mime.types", "/etc/os-release",
    "/etc/ssl/openssl.cnf",
]  # fmt: skip
_NEVER = ("/", "/dev")
_NEVER_BELOW = ("/proc", "/sys")


def check_job(job: Job) -> None:
    """Raise SandboxError, in one clear line, for a job that makes no sense."""
    if job.python is None and (not job.argv or not job.argv[0]):
        raise SandboxError("the job has no program", where="argv", do="name one")
    texts = [*job.argv, *job.env, *job.env.values(), *job.readable, *job.files, *job.collect]
    if any("\0" in text for text in texts) or any("=" in name or not name for name in job.env):
        raise SandboxError("a NUL character, or a name that is empty or holds '='", where="argv, env or paths")
    for where, paths in (("files", job.files), ("collect", job.collect)):
        for path in paths:
            if not _stays_inside(path):
                raise SandboxError(f"{path!r} leaves the scratch folder", where=where, do="use a relative path without '..'")
    for name in ("wall_s", "cpu_s", "memory_bytes", "processes", "file_bytes", "disk_bytes", "output_bytes"):
        _check_limit(name, getattr(job.limits, name))
    if job.limits.address_space_bytes is not None:
        _check_limit("address_space_bytes", job.limits.address_space_bytes)
    if job.tree is not None and not os.path.isdir(job.tree):
        raise SandboxError("no such folder", where=job.tree, do="name a folder as the job's tree")
    for path in job.readable:
        if not os.path.isabs(path) or not os.path.exists(path):
            raise SandboxError("not an absolute path that exists", where=path, do="mend the job's readable paths")
        real = os.path.realpath(path)
        if real in _NEVER or any(real == above or real.startswith(above + "/") for above in _NEVER_BELOW):
            raise SandboxError("may not be shown to a job", where=path, do="name other folders")


def _check_limit(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 < value < 1 << 62:
        raise SandboxError(f"{name} is {value!r}", where="limits", do="use a number above zero")


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not os.path.isabs(path) and ".." not in parts


def readable_paths(job: Job) -> tuple[str, ...]:
    """The system's runtime, the running Python and the job's own paths, each as named and as it really lies."""
    return _shown(job.readable)


@functools.lru_cache(64)
def _shown(named: tuple[str, ...]) -> tuple[str, ...]:
    python = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, os.path.realpath(sys.executable)}
    paths = [path for path in (*_RUNTIME, *python) if os.path.exists(path)] + list(named)
    return tuple(sorted({os.path.normpath(path) for path in paths} | {os.path.realpath(path) for path in paths}))


def fixed_environment(home: str) -> dict[str, str]:
    """The clean environment of every job: the same on every machine but for ``home`` and where Python lies."""
    return {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin",
        **dict.fromkeys(("HOME", "TMPDIR", "PWD"), home),
        **dict.fromkeys(("USER", "LOGNAME"), "yunque"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
