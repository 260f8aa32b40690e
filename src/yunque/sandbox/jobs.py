"""Jobs before they run: whether they make sense, what they may read, and the environment they find."""

from __future__ import annotations

import functools
import math
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from glob import glob
from importlib import metadata
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
    texts = [*job.argv, *job.env, *job.env.values(), *job.readable, *job.libraries, *job.files, *job.collect]
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
    """The system's runtime, the running Python with its standard library, the job's libraries and its own paths.

    Each as named and as it really lies. Where packages are installed, only what is named is shown: our own package with its
    answers lies there, and so may a `pip.conf` with a password.
    """
    return _shown(job.readable, job.libraries)[0]


def listable_paths(job: Job) -> tuple[str, ...]:
    """Folders that are shown in part: a program may know what lies in them, for whoever imports has to look."""
    return _shown(job.readable, job.libraries)[1]


@functools.lru_cache(64)
def _shown(named: tuple[str, ...], libraries: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    hidden = {os.path.realpath(path) for path in _package_folders()}
    system = [path for path in (*_RUNTIME, *_python_paths()) if os.path.exists(path)]
    paths = {os.path.normpath(path) for path in system} | {os.path.realpath(path) for path in system}
    parts = [part for path in sorted(paths) for part in _without(path, hidden)]
    packages = library_paths(libraries)
    own = [*named, *packages]
    shown = {*parts, *map(os.path.normpath, own), *map(os.path.realpath, own)}
    listable = {os.path.dirname(part) for part in (*packages, *(part for part in parts if part not in paths))}
    return tuple(sorted(shown)), tuple(sorted(listable))


def _python_paths() -> list[str]:
    """What the running Python needs of its own: programs, shared and standard library, and what says that it is a venv."""
    real = os.path.realpath(sys.executable)
    folders = {os.path.dirname(sys.executable), os.path.dirname(real)}
    programs = [path for folder in folders for path in glob(f"{folder}/python*")]
    shared = glob(f"{sys.base_prefix}/lib/libpython*")
    return [
        real, *programs, *shared, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"),
        os.path.join(sys.prefix, "pyvenv.cfg"),
    ]  # fmt: skip


def _package_folders() -> list[str]:
    """Where packages are installed, this Python's and every other's of the system."""
    mine = [
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        *site.getsitepackages([sys.prefix, sys.base_prefix]),
    ]
    system = [path for root in ("/usr/lib", "/usr/local/lib") for path in glob(f"{root}/python3*/*-packages")]
    return [path for path in (*mine, site.getusersitepackages(), *system) if os.path.isdir(path)]


def _without(path: str, hidden: set[str]) -> Iterator[str]:
    """The path, or the parts of it beside which nothing hidden lies."""
    real = os.path.realpath(path)
    if any(real == item or real.startswith(item + "/") for item in hidden):
        return
    if not any(item.startswith(real + "/") for item in hidden):
        yield path
        return
    for part in sorted(os.path.join(path, name) for name in os.listdir(path)):
        if not os.path.islink(part) or not any(item.startswith(os.path.realpath(part) + "/") for item in hidden):
            yield from _without(part, hidden)  # but not by a link that leads back to where it came from


@functools.lru_cache(64)
def library_paths(names: tuple[str, ...]) -> tuple[str, ...]:
    """Where installed packages lie, and all that they require. SandboxError for one that is missing, and for our own."""
    if not names:
        return ()
    known, result, waiting = _distributions(), {}, [_plain(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in result:
            continue
        if name == "yunque":
            raise SandboxError("may not be shown to a job", where="libraries", do="name others: it holds the answers")
        distributions = known.get(name, [])
        if not distributions and name in map(_plain, names):
            raise SandboxError(f"no package {name!r} is installed", where="libraries", do="name one that is")
        result[name] = [path for distribution in distributions for path in _top_level(distribution)]
        for distribution in distributions:
            waiting += [
                _plain(re.split(r"[^\w.-]", text, maxsplit=1)[0])
                for text in distribution.requires or ()
                if "extra ==" not in text
            ]
    return tuple(sorted({path for paths in result.values() for path in paths if os.path.exists(path)}))


def installed(names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that are installed packages, by import or by distribution, and may be shown."""
    known = _distributions()
    return tuple(sorted(name for name in set(names) if known.get(_plain(name)) and _plain(name) != "yunque"))


@functools.cache
def _distributions() -> dict[str, list[metadata.Distribution]]:
    """Installed distributions by their own names and by those that they are imported by."""
    own = {_plain(distribution.metadata["Name"]): distribution for distribution in metadata.distributions()}
    distributions = {name: [item] for name, item in own.items()}
    for name, owners in metadata.packages_distributions().items():
        distributions.setdefault(_plain(name), [own[_plain(owner)] for owner in sorted(set(owners))])
    return distributions


def _top_level(distribution: metadata.Distribution) -> set[str]:
    """Folders and files of a distribution directly below where it is installed."""
    names = {path.parts[0] for path in distribution.files or () if path.parts[0] not in ("..", "__pycache__")}
    return {str(distribution.locate_file(name)) for name in names}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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
