"""What every attack shares: a box in each tier of this machine, a victim outside it, and a look around afterwards."""

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from yunque.core.errors import SandboxError
from yunque.core.nouns import Job, Limits
from yunque.sandbox import open_sandbox, pool
from yunque.sandbox.inside.kernel import number
from yunque.sandbox.tiers import ISOLATING

# Said first in every attacking program. "went through" is what no attack may ever print.
PRELUDE = """
import os, sys, time
def attempt(do, *arguments, **named):
    try:
        result = do(*arguments, **named)
    except BaseException as error:
        print("stopped by", type(error).__name__, getattr(error, "errno", None), flush=True)
    else:
        print("went through", repr(result)[:200], flush=True)
        return result
def call(number, *arguments):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result
"""


MODULES = ("ctypes", "signal", "socket", "subprocess", "threading")
"""Imported for a program that names them; each import is time that hundreds of attacks would pay."""


@pytest.fixture(scope="module", params=ISOLATING)
def box(request):
    """The sandbox of each tier that isolates, for all attacks of a module; afterwards nothing of it is left.

    One sandbox for many attacks is the harder case: what one leaves behind meets the next.
    """
    with _open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        try:
            sandbox = open_sandbox(request.param)
        except SandboxError as error:
            pytest.skip(f"tier {request.param} is not available here: {error}")
        with sandbox:
            yield sandbox


@contextlib.contextmanager
def _open_folder():
    """A folder that any user may enter; nothing of a sandbox may be left in it."""
    folder = Path(tempfile.mkdtemp(prefix="yunque-hostile-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        left = _boxes(folder)
        shutil.rmtree(folder)
    assert not left, f"scratch folders left behind: {left}"


def _boxes(folder: str | Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(pool.PREFIX)]


@pytest.fixture
def python(box):
    """A Python that the tier's user can reach: ours, or the system's when ours lies in a private home."""
    path = reachable_python(box.tier)
    if path is None:
        pytest.skip(f"tier {box.tier} reaches no Python here: {sys.executable} lies in a private folder")
    return path


@functools.cache
def reachable_python(tier: str) -> str | None:
    for path in (sys.executable, "/usr/bin/python3"):
        try:
            if os.path.exists(path) and open_sandbox(tier).run(Job(argv=(path, "-I", "-S", "-c", ""))).exit_code == 0:
                return path
        except SandboxError:
            continue
    return None


@pytest.fixture
def ground():
    """A folder of this test alone that any user may enter."""
    with _open_folder() as folder:
        yield folder


@pytest.fixture
def mark():
    """A mark in the environment of every program of one test; afterwards no process carries it any more."""
    text = f"yunque-{uuid.uuid4().hex}"
    yield text
    deadline = time.monotonic() + 1
    while (left := _marked(text)) and time.monotonic() < deadline:
        time.sleep(0.01)
    for pid in left:
        os.kill(pid, 9)
    assert not left, f"processes left behind: {left}"


def _marked(text: str) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if text.encode() in Path("/proc", name, "environ").read_bytes():
                found.append(int(name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture(params=["cold", "warm"])
def attack(box, python, mark, request):
    """Run a hostile Python program in the box, from a cold start or in a fork of the warm worker.

    ``attack(source, wall_s=…, **job)`` gives the Observation. Afterwards the same worker must serve the next job, at once,
    and there is no scratch folder but those of living workers.
    """
    warm = request.param == "warm"

    def run(source: str, *, stdin: bytes = b"", collect: tuple = (), files: dict | None = None, tree=None, **limits):
        imports = "".join(f"import {name}\n" for name in MODULES if f"{name}." in source)
        source = imports + PRELUDE + source
        job = Job(
            argv=() if warm else (python, "-I", "-S", "-c", source),
            python=source if warm else None,
            stdin=stdin,
            files=files or {},
            tree=tree,
            collect=collect,
            env={"YUNQUE_MARK": mark},
            limits=Limits(**{"wall_s": 5.0, "cpu_s": 5.0, **limits}),
        )
        seen = box.run(job)
        after = box.run(Job(python="import os; print(os.listdir())", tree=tree, limits=Limits(wall_s=2.0)))
        innocent = after.stdout == b"[]\n" if tree is None else after.exit_code == 0
        assert innocent and after.wall_ms < 1000, f"the next job suffered: {after}"
        return seen

    yield run
    homes = {worker._box.name for worker in pool._LIVE if worker._box and worker.alive}  # of any sandbox of this process
    assert set(_boxes(tempfile.gettempdir())) <= homes, "a scratch folder without its worker"


@pytest.fixture
def refused(attack):
    """Run a program whose every attempt must be refused, and say so."""

    def run(source: str, **named):
        seen = attack(source, **named)
        said = seen.stdout.decode()
        assert "stopped by" in said, f"the attack never happened: {seen}"
        assert "went through" not in said, said
        return seen

    return run


@pytest.fixture
def victim(ground):
    """A file outside that everybody may read and write, were it not for the sandbox; unchanged afterwards."""
    folder = ground / "outside"
    folder.mkdir()
    folder.chmod(0o777)
    path = folder / "victim.txt"
    path.write_text("SECRET-OF-THE-VICTIM")
    path.chmod(0o666)
    before = path.stat()
    yield path
    after = path.stat()
    assert path.read_text() == "SECRET-OF-THE-VICTIM"
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert (after.st_nlink, os.listdir(folder)) == (1, ["victim.txt"])


@pytest.fixture
def bystander():
    """A process outside, of the same user as this test, that must live on."""
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield process
    alive = process.poll() is None
    process.kill()
    process.wait()
    assert alive, "a process outside the sandbox was killed"


@pytest.fixture
def nr():
    """The number of a system call on this machine."""
    return number
