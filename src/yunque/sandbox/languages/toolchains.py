"""Which compilers and interpreters this machine has: the executables found on PATH, the folders beyond the system's own
that a job must be shown, and the version, which changes verdicts and so belongs into every report and every cache key.

Covered: version managers (rustup, nvm, pyenv, rbenv and their like), whose executables are only shims: the real one is
asked for and shown. Tools that are there but do not run.
"""

from __future__ import annotations

import glob
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from yunque.core.errors import SandboxError
from yunque.sandbox.languages.table import PLACES, Runtime

VERSION_S = 60.0
"""How long a tool may take to say its version."""
_SYSTEM = ("/usr/", "/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/", "/nix/store/", "/gnu/store/")
"""What every job is shown anyway."""


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """What this machine has for a language."""

    language: Runtime
    tools: dict[str, str]
    """Name in ``needs`` -> absolute path; and ``NAME_home`` -> the folder above its ``bin``."""
    readable: tuple[str, ...]
    """Absolute paths that a job must be shown beside the system's own."""
    version: str
    """The first lines of what the tools say about themselves."""

    def fill(self, argv: tuple[str, ...], **further: str) -> tuple[str, ...]:
        """The argument list with every ``{name}`` replaced that is known."""
        known = self.tools | further
        return tuple(PLACES.sub(lambda result: known.get(result[1], result[0]), word) for word in argv)


# How a shim is asked for the executable behind it: arguments, and what to put after the answer.
_ASK = {
    "node": (("-p", "process.execPath"), ""),
    "ruby": (("-e", "print RbConfig.ruby"), ""),
    "perl": (("-e", "print $^X"), ""),
    "php": (("-r", "echo PHP_BINARY;"), ""),
    "rustc": (("--print", "sysroot"), "/bin/rustc"),
    "go": (("env", "GOROOT"), "/bin/go"),
    "java": (("-XshowSettings:properties", "-version"), "/bin/java"),
    "javac": (("-J-XshowSettings:properties", "-version"), "/bin/javac"),
}
_found: dict[tuple[str, str], Toolchain] = {}


def find_toolchain(row: Runtime) -> Toolchain:
    """What this machine has for a language; SandboxError, with the install line, when a tool is missing or does not run.

    The tools are trusted: they are asked for their version outside the sandbox. Answers are kept while this process lives.
    """
    key = (row.name, os.environ.get("PATH", ""))
    if key not in _found:
        _found[key] = _find(row)
    return _found[key]


def _find(row: Runtime) -> Toolchain:
    if row.warm:
        version = f"{platform.python_implementation()} {platform.python_version()}"
        return Toolchain(language=row, tools={}, readable=(), version=version)
    tools: dict[str, str] = {}
    readable: set[str] = set()
    for name, *others in row.needs:
        path = next(filter(None, map(shutil.which, (name, *others))), None)
        if path is None:
            raise SandboxError(f"{row.name}: {name} is not installed", do=row.install)
        path = _behind_shim(name, os.path.abspath(path))
        tools[name], tools[f"{name}_home"] = path, str(Path(os.path.realpath(path)).parent.parent)
        readable.update(filter(None, (_home(path), _home(os.path.realpath(path)))))
    for pattern in row.configuration:
        readable.update(glob.glob(pattern))
    draft = Toolchain(language=row, tools=tools, readable=tuple(sorted(readable)), version="")
    lines = [_first_line(row, draft.fill(command)) for command in row.versions]
    return Toolchain(language=row, tools=tools, readable=draft.readable, version=", ".join(lines))


def _first_line(row: Runtime, command: tuple[str, ...]) -> str:
    """The first line that a tool says about itself; SandboxError when it does not run."""
    try:
        ran = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _broken(row, command, str(error)) from None
    lines = [line.strip() for line in (ran.stdout + b"\n" + ran.stderr).decode("utf-8", "replace").splitlines()]
    details = next((line for line in lines if line and "warning" not in line.lower()), "")
    if ran.returncode:
        raise _broken(row, command, f"exit status {ran.returncode}{': ' + details[:120] if details else ''}")
    return details


def _broken(row: Runtime, command: tuple[str, ...], reason: str) -> SandboxError:
    return SandboxError(f"{row.name}: `{' '.join(command)}` fails ({reason})", do=f"mend it, or {row.install}")


def _behind_shim(name: str, path: str) -> str:
    """The executable that a version manager's own would start; the path itself when that cannot be learned."""
    if name not in _ASK or os.path.realpath(path).startswith(_SYSTEM):
        return path
    arguments, after = _ASK[name]
    try:
        ran = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return path
    home = re.search(r"java\.home = (.+)", ran.stderr)
    details = (home[1] if home else ran.stdout).strip()
    known = os.path.isabs(details) and os.access(details + after, os.X_OK)
    return details + after if known else path


def _home(path: str) -> str | None:
    """The folder that a tool outside the system's own needs around it; None for the system's, which every job sees anyway.

    Never a folder that holds somebody's home or all of their programs: then the executable alone.
    """
    if path.startswith(_SYSTEM):
        return None
    before, inside, _ = path.partition("/node_modules/")
    if inside:
        return before + inside.rstrip("/")
    folder = Path(path).parent.parent
    users = Path.home()
    if (
        folder in (users / ".local", Path("/"), Path("/opt"))
        or users.is_relative_to(folder)
        or not path.endswith(f"/bin/{Path(path).name}")
    ):
        return path
    return str(folder)
